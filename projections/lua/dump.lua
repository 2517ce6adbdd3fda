-- A group as stored.   KEYS pos   ARGV stem group set-or-''
-- Answers JSON: [pos, ahead, sets, cells, parts, targets, documents], or '' if the version is gone.
local pos = redis.call('HGETALL', KEYS[1])
if #pos == 0 then return '' end
local stem, group = ARGV[1], ARGV[2]
local ahead = later(stem, group, marks(pos))
if not ahead then return '' end
local names = ARGV[3] ~= '' and {ARGV[3]} or redis.call('HKEYS', stem .. SETS .. group)
local sets = {}
for i, name in ipairs(names) do
  sets[i] = {name, redis.call('ZRANGE', stem .. BOARD .. name, 0, -1, 'WITHSCORES')}
end
return cjson.encode({pos, ahead, sets, redis.call('HGETALL', stem .. CELLS .. group), redis.call('HGETALL', stem .. PARTS .. group),
  redis.call('HGETALL', stem .. TARGETS .. group), redis.call('HGETALL', stem .. DOCUMENTS .. group)})
