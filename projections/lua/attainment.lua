-- Targets of one member kind in one bucket, and every attainment board that they or the cells change.

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
-- the same stands: they are read once.
-- reader() -> names of boards, and each_metric(text, visit({0, place of a board, ...}, place in cell, target))
local function reader()
  local names, places, known = {}, {}, {}
  local function boards_of(stands, metric)
    local boards = {0}
    for i, stand in ipairs(cjson.decode(stands)) do
      local name = stand[1] .. '/' .. stand[2] .. '/attainment-' .. metric
      if not places[name] then
        names[#names + 1] = name
        places[name] = #names
      end
      boards[i + 1] = places[name]
    end
    return boards
  end
  return names, function(text, visit)
    local line = string.find(text, '\n', 1, true)
    local stands = string.sub(text, 1, line - 1)
    local by_metric = known[stands]
    if not by_metric then by_metric = {} known[stands] = by_metric end
    for metric, target in string.gmatch(string.sub(text, line + 1), '(%S+) (%S+)') do
      local boards = by_metric[metric]
      if not boards then boards = boards_of(stands, metric) by_metric[metric] = boards end
      visit(boards, WHERE_IN_CELL[metric], tonumber(target))
    end
  end
end

-- Revenue, quantity and count of a stored cell, over all its reaches.
local function totals_of(cell)
  if not cell then return {0, 0, 0} end
  if string.byte(cell) ~= SEVERAL then
    local _, r, q, c = match(cell, FIVE)
    return {tonumber(r), tonumber(q), tonumber(c)}
  end
  local sums = {0, 0, 0}
  for _, r, q, c in string.gmatch(cell, FIVE) do sums[1], sums[2], sums[3] = sums[1] + r, sums[2] + q, sums[3] + c end
  return sums
end

-- Sets targets; the member is to go off every board of the old ones.   targets: member, text or ''
local function set_targets(targets, key, each_metric, drops)
  local changed, set, gone = {}, {}, {}
  for i = 1, #targets, 2 do
    local member, text = targets[i], targets[i + 1]
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
        for j = 2, #boards do leave(drops, boards[j], changed[i]) end
      end)
    end
  end
  write('HSET', key, set)
  write('HDEL', key, gone)
end

-- Ranks members whose cells or targets changed; those who leave first: they may come back to the same board.
local function rank_attained(group, stem, members, drops, names, each_metric)
  local adds, ranked, texts = new_ranking(), {}, {}
  for i, text in ipairs(read(stem .. TARGETS .. group.group, members)) do
    if text then
      ranked[#ranked + 1] = members[i]
      texts[#texts + 1] = text
    end
  end
  for i, cell in ipairs(read(stem .. CELLS .. group.group, ranked)) do
    local totals, member = totals_of(cell), ranked[i]
    each_metric(texts[i], function(boards, at, target)
      -- Not '%d': a ratio may be beyond what a whole number of 64 bits holds.
      rank(adds, boards, member, format('%.0f', 0 - ppm(totals[at], target)))
    end)
  end

  local head, tail, fresh = stem .. BOARD, '/' .. group.bucket, {}
  for at, gone in pairs(drops.gone) do write('ZREM', head .. names[at] .. tail, gone) end
  for at, list in pairs(adds.lists) do
    if write('ZADD', head .. names[at] .. tail, list) > 0 then fresh[#fresh + 1] = names[at] end
  end
  write('SADD', stem .. BOARDS .. group.group, fresh)
end

-- Cells first, then targets; attainment boards only where there are targets.   -> whether there are
local function step_members(group, parts, told, stem)
  local targets_key, seen, members, touch = stem .. TARGETS .. group.group, {}, {}, nil
  local targeted = call('EXISTS', targets_key) == 1
  for _, part in ipairs(parts) do targeted = targeted or #part.targets > 0 end
  if targeted then
    touch = function(member)
      if not seen[member] then
        seen[member] = true
        members[#members + 1] = member
      end
    end
  end
  set_members(group, parts, told, stem, touch)
  if not touch then return false end
  local names, each_metric = reader()
  local drops = new_ranking()
  for _, part in ipairs(parts) do
    for i = 1, #part.targets, 2 do touch(part.targets[i]) end
    set_targets(part.targets, targets_key, each_metric, drops)
  end
  rank_attained(group, stem, members, drops, names, each_metric)
  return true
end
