-- Whole cells and targets of one member kind in one bucket, and every attainment board that they change.

local WHERE_IN_CELL = {revenue = 1, quantity = 2, count = 3}

-- floor(total * 10^6 / target) without ever passing 2^53: two steps of 1,000 with the remainder.
-- Exact for 0 < target < 9 * 10^12 and |total| <= 2^53 (and a result that a double can hold).
local function ppm(total, target)
  local rest = math.fmod(total, target)
  local times = (total - rest) / target
  if rest < 0 then times, rest = times - 1, rest + target end
  rest = rest * 1000
  local low = math.fmod(rest, target)
  local thousands = (rest - low) / target
  low = low * 1000
  return times * 1000000 + thousands * 1000 + (low - math.fmod(low, target)) / target
end

-- A member's targets are stored as: stands in JSON, a line break, then metric and value by turns.  Members of one unit have
-- the same stands: they are read once.   reader(bucket) -> each_metric(text, visit(boards, place in cell, target))
local function reader(bucket)
  local known = {}
  local function boards_of(stands, metric)
    local by_metric = known[stands]
    if not by_metric then by_metric = {} known[stands] = by_metric end
    local boards = by_metric[metric]
    if not boards then
      boards = {}
      for i, stand in ipairs(cjson.decode(stands)) do
        boards[i] = stand[1] .. '/' .. stand[2] .. '/attainment-' .. metric .. '/' .. bucket
      end
      by_metric[metric] = boards
    end
    return boards
  end
  return function(text, visit)
    local line = string.find(text, '\n', 1, true)
    local stands = string.sub(text, 1, line - 1)
    for metric, target in string.gmatch(string.sub(text, line + 1), '(%S+) (%S+)') do
      visit(boards_of(stands, metric), WHERE_IN_CELL[metric], tonumber(target))
    end
  end
end

local function put(into, board, first, second)
  local list = into[board]
  if not list then list = {} into[board] = list end
  list[#list + 1] = first
  if second then list[#list + 1] = second end
end

-- Cells first.   -> the members touched, each once
local function set_wholes(change, stem, partition)
  local seen, members = {}, {}
  local function touch(member)
    if not seen[member] then
      seen[member] = true
      members[#members + 1] = member
    end
  end
  local cells_key = stem .. CELLS .. change.group
  if change.of_reps then
    write('HSET', cells_key, change.cells)
    write('HDEL', cells_key, change.gone)
    for i = 1, #change.cells, 2 do touch(change.cells[i]) end
    for _, member in ipairs(change.gone) do touch(member) end
  else
    add_parts(cells_key, stem .. PARTS .. change.group, partition, change.cells, touch)
  end
  for i = 1, #change.targets, 2 do touch(change.targets[i]) end
  return members
end

-- Then targets: the member goes off every board of the old ones (those of the new come last).   targets: member, text or ''
local function set_targets(change, key, each_metric, drops)
  local changed, set, gone = {}, {}, {}
  for i = 1, #change.targets, 2 do
    local member, text = change.targets[i], change.targets[i + 1]
    changed[#changed + 1] = member
    if text == '' then
      gone[#gone + 1] = member
    else
      set[#set + 1] = member
      set[#set + 1] = text
    end
  end
  for i, old in ipairs(read(key, changed)) do
    if old then
      each_metric(old, function(boards)
        for _, board in ipairs(boards) do put(drops, board, changed[i]) end
      end)
    end
  end
  write('HSET', key, set)
  write('HDEL', key, gone)
end

local function step_attainment(change, stem, partition)
  local each_metric, adds, drops = reader(change.bucket), {}, {}
  local targets_key = stem .. TARGETS .. change.group
  local members = set_wholes(change, stem, partition)
  set_targets(change, targets_key, each_metric, drops)

  local ranked, texts = {}, {}
  for i, text in ipairs(read(targets_key, members)) do
    if text then
      ranked[#ranked + 1] = members[i]
      texts[#texts + 1] = text
    end
  end
  for i, cell in ipairs(read(stem .. CELLS .. change.group, ranked)) do
    local totals = {numbers(cell)}
    each_metric(texts[i], function(boards, at, target)
      local score = string.format('%.0f', 0 - ppm(totals[at], target))
      for _, board in ipairs(boards) do put(adds, board, score, ranked[i]) end
    end)
  end

  local names = {}
  for board, list in pairs(drops) do write('ZREM', stem .. BOARD .. board, list) end
  for board, list in pairs(adds) do
    write('ZADD', stem .. BOARD .. board, list)
    names[#names + 1] = board
    names[#names + 1] = '1'
  end
  write('HSET', stem .. SETS .. change.group, names)
end
