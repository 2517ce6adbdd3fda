-- Cells and sales boards of units, whose sales may stand in several partitions: new sum = old sum - this partition's old
-- part + its new part, reach by reach.
-- part.one: member, place of its reach, cell, revenue, quantity, count, lines, by turns;
-- part.several: {member, {place of a reach, revenue, quantity, count, lines, ...}}
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

-- A member whose reaches differ, between partitions or between then and now.  boards: place -> score, or false if he leaves.
-- -> new sum, new part (texts or nil)
local function add_by_reach(new, old_text, sum_text, boards, boards_of)
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
  for at, total in pairs(totals) do boards[at] = total[2] > 0 and 0 - total[1] end
  return cells_text(sum), cells_text(new)
end

-- A cell as it is summed up, and its text if it has several reaches (see read_sums).
local function sum_of(text)
  local number, r, q, c, l
  if text then number, r, q, c, l = match(text, ONE) end
  if number then return {number, r + 0, q + 0, c + 0, l + 0, false}, nil end
  return {false, 0, 0, 0, 0, false}, text
end

local function sum_text(sum, text)
  if sum[1] then return format('%s %d %d %d %d', sum[1], sum[2], sum[3], sum[4], sum[5]) end
  return text
end

-- A member's cells of all partitions, as the sum goes along: {number of the reach, revenue, quantity, count, lines, the reach once
-- it is told}, as nearly always.  Who has none has the number false; who has several, too, and texts[member] says them.
local function read_sums(group, parts, cells_key, parts_key)
  local sums, texts, members, fields, count = {}, {}, {}, {}, 0
  local function ask(member, head)
    count = count + 1
    fields[count] = head .. member
    if not sums[member] then
      sums[member] = true
      members[#members + 1] = member
    end
  end
  for _, part in ipairs(parts) do
    local head, one = part.partition .. '\0', part.one
    for i = 1, #one, 7 do ask(one[i], head) end
    for _, each in ipairs(part.several) do ask(each[1], head) end
  end
  for i, text in ipairs(read(cells_key, members)) do sums[members[i]], texts[members[i]] = sum_of(text or nil) end
  return sums, texts, members, fields, read(parts_key, fields)
end

local function set_units(group, parts, told, stem, touch)
  local names, reaches = told.boards, told.reaches
  local cells_key, parts_key = stem .. CELLS .. group.group, stem .. PARTS .. group.group
  local boards_of = boards_by_number(told, stem)
  local sums, texts, members, fields, olds = read_sums(group, parts, cells_key, parts_key)
  local stands = {}  -- of members that had several reaches meanwhile: place of a board -> score, or false if he leaves
  local kept, parts_gone, at, held = {}, {}, 0, 0

  local function keep(part_text)
    if part_text then
      kept[held + 1], kept[held + 2], held = fields[at], part_text, held + 2
    else
      parts_gone[#parts_gone + 1] = fields[at]
    end
  end

  local function add(member, new)
    local sum, boards = sums[member], stands[member]
    if not boards then
      boards = {}
      stands[member] = boards
      if sum[6] then
        for j = 2, #sum[6] do boards[sum[6][j]] = 0 - sum[2] end
      end
    end
    local text, part_text = add_by_reach(new, olds[at], sum_text(sum, texts[member]), boards, boards_of)
    sums[member], texts[member] = sum_of(text)
    keep(part_text)
  end

  for _, part in ipairs(parts) do
    local one = part.one
    for i = 1, #one, 7 do
      at = at + 1
      local member, reach, old = one[i], reaches[one[i + 1]], olds[at]
      local r, q, c, l = one[i + 3], one[i + 4], one[i + 5], one[i + 6]
      local sum, number, r0, q0, c0, l0 = sums[member], reach[1], 0, 0, 0, 0
      local plain = l > 0 and (sum[1] == number or not sum[1] and not texts[member])
      if plain and old then
        local n
        n, r0, q0, c0, l0 = match(old, ONE)
        plain = n == number
      end
      if plain and sum[5] + l - l0 > 0 then  -- one reach, as nearly always: the same cell on all its boards
        sum[1], sum[2], sum[3], sum[4], sum[5] = number, sum[2] + r - r0, sum[3] + q - q0, sum[4] + c - c0, sum[5] + l - l0
        sum[6] = reach
        local boards = stands[member]
        if boards then
          for j = 2, #reach do boards[reach[j]] = 0 - sum[2] end
        end
        keep(number .. ' ' .. one[i + 2])
      else
        add(member, {[number] = {r, q, c, l}})
      end
    end
    for _, each in ipairs(part.several) do
      at = at + 1
      local new, cells = {}, each[2]
      for i = 1, #cells, 5 do new[reaches[cells[i]][1]] = {cells[i + 1], cells[i + 2], cells[i + 3], cells[i + 4]} end
      add(each[1], new)
    end
  end
  write('HSET', parts_key, kept)
  write('HDEL', parts_key, parts_gone)

  local ranking, cells, cells_gone, count = new_ranking(), {}, {}, 0
  for _, member in ipairs(members) do
    local sum, boards = sums[member], stands[member]
    local text = sum_text(sum, texts[member])
    if text then
      cells[count + 1], cells[count + 2], count = member, text, count + 2
    else
      cells_gone[#cells_gone + 1] = member
    end
    if boards then
      for board, score in pairs(boards) do
        if score then rank(ranking, {0, board}, member, score) else leave(ranking, board, member) end
      end
    else
      rank(ranking, sum[6], member, 0 - sum[2])
    end
    if touch then touch(member) end
  end
  write('HSET', cells_key, cells)
  write('HDEL', cells_key, cells_gone)
  write_ranking(ranking, names, group, stem)
end
