-- Versions that nobody reads and no builder has been heard of for a while.   KEYS current versions   ARGV seconds
local current, now, out = redis.call('GET', KEYS[1]), tonumber(redis.call('TIME')[1]), {}
local known = redis.call('HGETALL', KEYS[2])
for i = 1, #known, 2 do
  if known[i] ~= current and now - tonumber(known[i + 1]) >= tonumber(ARGV[1]) then out[#out + 1] = known[i] end
end
return out
