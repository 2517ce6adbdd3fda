-- A flush is complete: every group of it must show the target by now, or a rollback inside the flush would lose one for ever.
-- KEYS pos ahead own*   ARGV partition start target bound
if redis.call('HGET', KEYS[1], ARGV[1]) ~= ARGV[2] then return 'refused' end
local bound = tonumber(ARGV[4])
for i = 3, #KEYS do
  local own = redis.call('HGET', KEYS[i], ARGV[1])
  if not own or tonumber(own) < bound then return 'refused' end
end
redis.call('HSET', KEYS[1], ARGV[1], ARGV[3])
for _, mark in ipairs(redis.call('HKEYS', KEYS[2])) do
  if tonumber(mark) <= bound then redis.call('HDEL', KEYS[2], mark) end
end
return 'ok'
