-- Cells and sales boards of units, whose sales may stand in several partitions: new sum = old sum - this partition's old
-- part + its new part, reach by reach.
-- change.one: member, place of its reach, cell, revenue, quantity, count, lines, by turns;
-- change.several: {member, {place of a reach, revenue, quantity, count, lines, ...}}
-- touch(member), if it is there, is told of each.

local ONE = '^' .. FIVE .. '$'

local function by_number(text)
  local out = {}
  if text then
    for number, r, q, c, l in string.gmatch(text, FIVE) do
      out[number] = {tonumber(r), tonumber(q), tonumber(c), tonumber(l)}
    end
  end
  return out
end

-- Cells by reach as text; nil if there are none.
local function cells_text(cells)
  local texts = {}
  for number, cell in pairs(cells) do
    if cell[1] ~= 0 or cell[2] ~= 0 or cell[3] ~= 0 or cell[4] ~= 0 then
      texts[#texts + 1] = format('%s %d %d %d %d', number, cell[1], cell[2], cell[3], cell[4])
    end
  end
  if #texts == 0 then return nil end
  return (#texts > 1 and '+' or '') .. table.concat(texts, ' ')
end

-- A function: number of a reach -> places of its boards, also of a reach that this call does not speak of.
local function boards_by_number(told, stem)
  local known, places
  return function(number)
    if not known then
      known, places = {}, {}
      for at, name in ipairs(told.boards) do places[name] = at end
      for _, reach in ipairs(told.reaches) do known[reach[1]] = {unpack(reach, 2)} end
    end
    if not known[number] then
      local boards, reach = {}, cjson.decode(call('HGET', stem .. REACHES, number))
      for i, scope in ipairs(reach[2]) do
        local name = scope .. '/' .. reach[1]
        if not places[name] then
          told.boards[#told.boards + 1] = name
          places[name] = #told.boards
        end
        boards[i] = places[name]
      end
      known[number] = boards
    end
    return known[number]
  end
end

-- A member whose reaches differ, between partitions or between then and now.   -> new sum, new part (texts or nil)
local function add_by_reach(member, new, old_text, sum_text, ranking, boards_of)
  local old, sum, totals = by_number(old_text), by_number(sum_text), {}
  for _, cells in ipairs({old, new}) do
    for number in pairs(cells) do sum[number] = sum[number] or {0, 0, 0, 0} end
  end
  for number, cell in pairs(sum) do
    for i = 1, 4 do
      cell[i] = cell[i] - (old[number] and old[number][i] or 0) + (new[number] and new[number][i] or 0)
    end
    for _, at in ipairs(boards_of(number)) do
      local total = totals[at]
      if total then
        total[1], total[2] = total[1] + cell[1], total[2] + cell[4]
      else
        totals[at] = {cell[1], cell[4]}
      end
    end
  end
  for at, total in pairs(totals) do
    if total[2] > 0 then rank(ranking, {0, at}, member, 0 - total[1]) else leave(ranking, at, member) end
  end
  return cells_text(sum), cells_text(new)
end

local function set_units(change, told, stem, partition, touch)
  local names, reaches, ranking = told.boards, told.reaches, new_ranking()
  local cells_key, parts_key = stem .. CELLS .. change.group, stem .. PARTS .. change.group
  local one, several, boards_of = change.one, change.several, boards_by_number(told, stem)
  local members, fields, head = {}, {}, partition .. '\0'
  local count = 0
  for i = 1, #one, 7 do
    count = count + 1
    members[count] = one[i]
  end
  for _, each in ipairs(several) do
    count = count + 1
    members[count] = each[1]
  end
  for i = 1, count do fields[i] = head .. members[i] end
  local sums, parts = read(cells_key, members), read(parts_key, fields)

  local cells, cells_gone, kept, parts_gone = {}, {}, {}, {}
  local function keep(at, sum, part)
    local member, field = members[at], fields[at]
    if sum then
      cells[#cells + 1] = member
      cells[#cells + 1] = sum
    else
      cells_gone[#cells_gone + 1] = member
    end
    if part then
      kept[#kept + 1] = field
      kept[#kept + 1] = part
    else
      parts_gone[#parts_gone + 1] = field
    end
    if touch then touch(member) end
  end

  local at = 0
  for i = 1, #one, 7 do
    at = at + 1
    local member, reach, sum, part = one[i], reaches[one[i + 1]], sums[at], parts[at]
    local r, q, c, l = one[i + 3], one[i + 4], one[i + 5], one[i + 6]
    local number, r1, q1, c1, l1 = reach[1], 0, 0, 0, 0
    local plain = l > 0
    if plain and sum then
      local n
      n, r1, q1, c1, l1 = match(sum, ONE)
      plain = n == number
    end
    if plain and part then
      local n, r0, q0, c0, l0 = match(part, ONE)
      plain = n == number
      if plain then r1, q1, c1, l1 = r1 - r0, q1 - q0, c1 - c0, l1 - l0 end
    end
    if plain and l + l1 > 0 then  -- one reach, as nearly always: the same cell on all its boards
      r = r + r1
      keep(at, format('%s %d %d %d %d', number, r, q + q1, c + c1, l + l1), number .. ' ' .. one[i + 2])
      rank(ranking, reach, member, 0 - r)
    else
      keep(at, add_by_reach(member, {[number] = {r, q, c, l}}, part, sum, ranking, boards_of))
    end
  end
  for _, each in ipairs(several) do
    at = at + 1
    local new, held = {}, each[2]
    for i = 1, #held, 5 do new[reaches[held[i]][1]] = {held[i + 1], held[i + 2], held[i + 3], held[i + 4]} end
    keep(at, add_by_reach(each[1], new, parts[at], sums[at], ranking, boards_of))
  end

  write('HSET', cells_key, cells)
  write('HDEL', cells_key, cells_gone)
  write('HSET', parts_key, kept)
  write('HDEL', parts_key, parts_gone)
  write_ranking(ranking, names, change, stem)
end
