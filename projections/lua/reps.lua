-- Cells and sales boards of reps.  A rep has one home partition, so the part is the whole: nothing is read.
-- part.one: member, place of its reach, cell, score, by turns;  part.off: member, place of its reach;
-- part.several: {member, {place of a reach, cell, ...}, {place of a board, score or false, ...}}
-- touch(member), if it is there, is told of each.
local function set_reps(group, parts, told, stem, touch)
  local names, reaches, key = told.boards, told.reaches, stem .. CELLS .. group.group
  local ranking, cells, gone, at

  local function begin()
    ranking, cells, gone, at = new_ranking(), {}, {}, 0
  end

  local function hold(member, text)
    cells[at + 1] = member
    cells[at + 2] = text
    at = at + 2
  end

  local function write_all()
    write('HSET', key, cells)
    write('HDEL', key, gone)
    write_ranking(ranking, names, group, stem)
  end

  begin()
  for _, part in ipairs(parts) do
    local tail = ' ' .. part.partition
    local one = part.one
    for i = 1, #one, 4 do
      local member, reach = one[i], reaches[one[i + 1]]
      hold(member, reach[1] .. ' ' .. one[i + 2] .. tail)
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

    for _, each in ipairs(part.several) do
      local member, held, ranked, texts = each[1], each[2], each[3], {}
      for i = 1, #held, 2 do texts[#texts + 1] = reaches[held[i]][1] .. ' ' .. held[i + 1] end
      if #texts == 0 then
        gone[#gone + 1] = member
      else
        hold(member, (#texts > 1 and '+' or '') .. table.concat(texts, ' ') .. tail)
      end
      for i = 1, #ranked, 2 do
        if ranked[i + 1] then rank(ranking, {0, ranked[i]}, member, ranked[i + 1]) else leave(ranking, ranked[i], member) end
      end
      if touch then touch(member) end
    end

    if next(ranking.gone) or #gone > 0 then  -- who leaves is written last: before another part says that he is back
      write_all()
      begin()
    end
  end
  write_all()
end
