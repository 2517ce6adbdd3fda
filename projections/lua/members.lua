-- Cells and sales boards of members.  A rep has one home partition, so the part is the whole.  Of units the parts of several
-- partitions were summed up before, and what each of them says is kept beside the sum.  Nothing is read.
-- part.one: member, place of its reach, cell, score, and of units the parts, by turns;  part.off: member, place of its reach;
-- part.several: {member, {place of a reach, cell, ...}, {place of a board, score or false, ...}, {partition, place of a
-- reach, cell, ...}}
-- touch(member), if it is there, is told of each.
local function set_members(group, parts, told, stem, touch)
  local names, reaches, of_reps = told.boards, told.reaches, group.of_reps
  local cells_key, parts_key = stem .. CELLS .. group.group, stem .. PARTS .. group.group
  local ranking, cells, kept, gone, at, stride

  local function begin()
    ranking, cells, kept, gone, at, stride = new_ranking(), {}, {}, {}, 0, of_reps and 4 or 5
  end

  local function hold(member, text, parts_text)
    cells[at + 1], cells[at + 2] = member, text
    if parts_text then kept[at + 1], kept[at + 2] = member, parts_text end
    at = at + 2
  end

  local function write_all()
    write('HSET', cells_key, cells)
    write('HDEL', cells_key, gone)
    if not of_reps then
      write('HSET', parts_key, kept)
      write('HDEL', parts_key, gone)
    end
    write_ranking(ranking, names, group, stem)
  end

  local function several(each, tail)
    local member, held, ranked, by_partition, texts, parts_texts = each[1], each[2], each[3], each[4], {}, {}
    for i = 1, #held, 2 do texts[#texts + 1] = reaches[held[i]][1] .. ' ' .. held[i + 1] end
    for i = 1, #by_partition, 3 do
      parts_texts[#parts_texts + 1] = by_partition[i] .. ' ' .. reaches[by_partition[i + 1]][1] .. ' ' .. by_partition[i + 2]
    end
    if #texts == 0 then
      gone[#gone + 1] = member
    else
      local text = (#texts > 1 and '+' or '') .. table.concat(texts, ' ') .. tail
      hold(member, text, not of_reps and '+' .. table.concat(parts_texts, ' '))
    end
    for i = 1, #ranked, 2 do
      if ranked[i + 1] then rank(ranking, {0, ranked[i]}, member, ranked[i + 1]) else leave(ranking, ranked[i], member) end
    end
    if touch then touch(member) end
  end

  begin()
  for _, part in ipairs(parts) do
    local tail = of_reps and ' ' .. part.partition or ''
    local one = part.one
    for i = 1, #one, stride do
      local member, reach = one[i], reaches[one[i + 1]]
      hold(member, reach[1] .. ' ' .. one[i + 2] .. tail, not of_reps and reach[1] .. ' ' .. one[i + 4])
      rank(ranking, reach, member, one[i + 3])
      if touch then touch(member) end
    end

    local off = part.off
    for i = 1, #off, 2 do
      local member, reach = off[i], reaches[off[i + 1]]
      gone[#gone + 1] = member
      for j = 2, #reach do leave(ranking, reach[j], member) end
      if touch then touch(member) end
    end

    for _, each in ipairs(part.several) do several(each, tail) end

    if next(ranking.gone) or #gone > 0 then  -- who leaves is written last: before another part says that he is back
      write_all()
      begin()
    end
  end
  write_all()
end
