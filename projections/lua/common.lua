-- What the kinds of change share.  Numbers are doubles here: whole numbers are exact up to 2^53, and '%d' writes them out
-- ('%.0f', which Lua also knows, costs twice as much).

local call, format, match, min = redis.call, string.format, string.match, math.min

-- One command over a list of any length: unpack() takes no more than about 8,000.   -> the sum of the answers
local function write(command, key, list)
  local count = #list
  if count == 0 then return 0 end
  if count <= 1000 then return call(command, key, unpack(list)) end
  local sum = 0
  for i = 1, count, 1000 do sum = sum + call(command, key, unpack(list, i, min(i + 999, count))) end
  return sum
end

-- What the changes of a call speak of, each told once: boards as 'UNIT/MEMBERS', reaches as {text, place of a board, ...}.
-- Every reach has a number in this version, given once and for ever.   -> for each reach: {its number, place, ...}
local function numbered(reaches, stem)
  local texts, last = {}, nil
  for i = 1, #reaches do texts[i] = reaches[i][1] end
  local numbers = read(stem .. NUMBERS, texts)
  for i = 1, #reaches do
    local number = numbers[i]
    if not number then
      last = (last or call('HLEN', stem .. NUMBERS)) + 1
      number = format('%d', last)
      call('HSET', stem .. NUMBERS, texts[i], number)
      call('HSET', stem .. REACHES, number, texts[i])
    end
    reaches[i][1] = number
  end
  return reaches
end

-- The sales boards that a change touches, by their names' places: who stands where, and who leaves.
-- Lists count themselves: a '#' on each addition would be dear.
local function new_ranking()
  return {lists = {}, counts = {}, gone = {}}
end

local function rank(ranking, reach, member, score)
  local lists, counts = ranking.lists, ranking.counts
  for i = 2, #reach do
    local at = reach[i]
    local count = counts[at]
    if count then
      local list = lists[at]
      list[count + 1] = score
      list[count + 2] = member
      counts[at] = count + 2
    else
      lists[at] = {score, member}
      counts[at] = 2
    end
  end
end

local function leave(ranking, at, member)
  local gone = ranking.gone[at]
  if gone then gone[#gone + 1] = member else ranking.gone[at] = {member} end
end

-- One command for each board.
local function write_ranking(ranking, names, group, stem)
  local head, tail, fresh = stem .. BOARD, '/revenue/' .. group.bucket, {}
  for at, list in pairs(ranking.lists) do
    if write('ZADD', head .. names[at] .. tail, list) > 0 then fresh[#fresh + 1] = names[at] .. '/revenue' end
  end
  for at, gone in pairs(ranking.gone) do write('ZREM', head .. names[at] .. tail, gone) end
  write('SADD', stem .. BOARDS .. group.group, fresh)
end
