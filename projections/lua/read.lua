-- A snapshot: pointer, positions, own marks and everything asked for, in one step.   KEYS current
-- ARGV prefix {groups: [[group, set or false]], boards: [[group, set]], attainments: [group], documents: [[collection, tag]]}
-- Answers JSON: {version, pos, groups, boards, attainments, documents}; a version of '' means that the boards are being rebuilt.
local NONE = '{"version":""}'
local version = redis.call('GET', KEYS[1]) or ''
if version == '' then return NONE end
local stem = ARGV[1] .. version .. ':'
local pos = redis.call('HGETALL', stem .. POS)
if #pos == 0 then return NONE end
local shown, ask = marks(pos), cjson.decode(ARGV[2])
local out = {version = version, pos = pos, groups = {}, boards = {}, attainments = {}, documents = {}}

for i, g in ipairs(ask.groups) do
  local ahead = later(stem, g[1], shown)
  if not ahead then return NONE end
  local set = g[2] and redis.call('ZRANGE', stem .. BOARD .. g[2], 0, -1, 'WITHSCORES')
  out.groups[i] = {ahead, redis.call('HGETALL', stem .. CELLS .. g[1]), set}
end
for i, b in ipairs(ask.boards) do
  local ahead = later(stem, b[1], shown)
  if not ahead then return NONE end
  local set, members = redis.call('ZRANGE', stem .. BOARD .. b[2], 0, -1, 'WITHSCORES'), {}
  for j = 1, #set, 2 do members[#members + 1] = set[j] end
  out.boards[i] = {ahead, set, read(stem .. CELLS .. b[1], members), read(stem .. TARGETS .. b[1], members)}
end
for i, group in ipairs(ask.attainments) do
  local ahead = later(stem, group, shown)
  if not ahead then return NONE end
  out.attainments[i] = {ahead, redis.call('HGETALL', stem .. CELLS .. group), redis.call('HGETALL', stem .. TARGETS .. group)}
end
for i, d in ipairs(ask.documents) do
  local ahead, own = later(stem, d[1], shown)
  if not ahead then return NONE end
  local tag = version .. ':' .. table.concat(own, ',')
  out.documents[i] = {ahead, tag, tag ~= d[2] and redis.call('HGETALL', stem .. DOCUMENTS .. d[1])}
end
return cjson.encode(out)
