-- A group as stored.   KEYS pos   ARGV stem group board-or-''
-- With a board: its set, and cells and parts of its members.  Without: the whole group and the sets of its attainment boards.
-- Answers JSON: [pos, ahead, sets, cells, parts, targets, documents], '' if the version is gone, or "busy".
local pos = redis.call('HGETALL', KEYS[1])
if #pos == 0 then return '' end
local stem, group, name = ARGV[1], ARGV[2], ARGV[3]
local ahead, why = later(stem, group, marks(pos))
if not ahead then return why and '"busy"' or '' end
local cells_key, parts_key = stem .. CELLS .. group, stem .. PARTS .. group

local function pairs_of(key, fields)
  local out = {}
  for i, value in ipairs(read(key, fields)) do
    if value then
      out[#out + 1] = fields[i]
      out[#out + 1] = value
    end
  end
  return out
end

if name ~= '' then
  local set, members = redis.call('ZRANGE', stem .. BOARD .. name, 0, -1, 'WITHSCORES'), {}
  for i = 1, #set, 2 do members[#members + 1] = set[i] end
  return cjson.encode({pos, ahead, {{name, set}}, pairs_of(cells_key, members), pairs_of(parts_key, members), {}, {}})
end
local bucket, sets = string.match(group, '/([^/]+)$'), {}
for _, board in ipairs(redis.call('SMEMBERS', stem .. BOARDS .. group)) do
  if string.find(board, '/attainment%-%l+$') then
    local attained = board .. '/' .. bucket
    sets[#sets + 1] = {attained, redis.call('ZRANGE', stem .. BOARD .. attained, 0, -1, 'WITHSCORES')}
  end
end
return cjson.encode({pos, ahead, sets, redis.call('HGETALL', cells_key), redis.call('HGETALL', parts_key),
  redis.call('HGETALL', stem .. TARGETS .. group), redis.call('HGETALL', stem .. DOCUMENTS .. group)})
