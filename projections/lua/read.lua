-- A snapshot: pointer, positions, own marks and everything asked for, in one step.   KEYS current
-- ARGV prefix {boards: [[group, set, with targets]], attainments: [group], documents: [[group, tag]]}
-- Answers JSON: {version, pos, reaches, boards, attainments, documents}; a version of '' means that the boards are being
-- rebuilt, 'busy' that something asked for is half written.  reaches: numbers and reaches of the cells that hold several.
local NONE = '{"version":""}'
local function none(why) return why and '"busy"' or NONE end
local version = redis.call('GET', KEYS[1]) or ''
if version == '' then return NONE end
local stem = ARGV[1] .. version .. ':'
local pos = redis.call('HGETALL', stem .. POS)
if #pos == 0 then return NONE end
local shown, ask = marks(pos), cjson.decode(ARGV[2])
local out = {version = version, pos = pos, boards = {}, attainments = {}, documents = {}}

local numbers, seen = {}, {}
local function need_reaches(cells)
  for _, cell in ipairs(cells) do
    if cell and string.byte(cell) == SEVERAL then
      for number in string.gmatch(cell, FIVE) do
        if not seen[number] then
          seen[number] = true
          numbers[#numbers + 1] = number
        end
      end
    end
  end
end

for i, b in ipairs(ask.boards) do
  local ahead, why = later(stem, b[1], shown)
  if not ahead then return none(why) end
  local set, members = redis.call('ZRANGE', stem .. BOARD .. b[2], 0, -1, 'WITHSCORES'), {}
  for j = 1, #set, 2 do members[#members + 1] = set[j] end
  local cells = read(stem .. CELLS .. b[1], members)
  if b[3] then
    out.boards[i] = {ahead, set, cells, read(stem .. TARGETS .. b[1], members)}
  else
    need_reaches(cells)
    out.boards[i] = {ahead, set, cells}
  end
end
for i, group in ipairs(ask.attainments) do
  local ahead, why = later(stem, group, shown)
  if not ahead then return none(why) end
  out.attainments[i] = {ahead, redis.call('HGETALL', stem .. CELLS .. group), redis.call('HGETALL', stem .. TARGETS .. group)}
end
for i, d in ipairs(ask.documents) do
  local ahead, own = later(stem, d[1], shown)
  if not ahead then return none(own) end
  local tag = version .. ':' .. table.concat(own, ',')
  out.documents[i] = {ahead, tag, tag ~= d[2] and redis.call('HGETALL', stem .. DOCUMENTS .. d[1])}
end
out.reaches = {numbers, read(stem .. REACHES, numbers)}
return cjson.encode(out)
