-- Readers follow the new version from now on; only if the pointer is where it was when the build began, the new version holds
-- exactly what was built, and shows no less than the old one.
-- KEYS current newpos oldpos   ARGV expected new then (partition position)*
local expected = ARGV[1]
if (redis.call('GET', KEYS[1]) or '') ~= expected then return 'refused' end
for i = 3, #ARGV, 2 do
  if redis.call('HGET', KEYS[2], ARGV[i]) ~= ARGV[i + 1] then return 'refused' end
end
if expected ~= '' then
  for i = 3, #ARGV, 2 do
    local old = redis.call('HGET', KEYS[3], ARGV[i])
    if old and tonumber(string.match(old, '^-?%d+')) > tonumber(string.match(ARGV[i + 1], '^-?%d+')) then return 'behind' end
  end
end
redis.call('SET', KEYS[1], ARGV[2])
if expected ~= '' then redis.call('UNLINK', KEYS[3]) end
return 'ok'
