-- Cells and sales boards of reps.  A rep has one home partition, so the part is the whole: nothing is read.
-- change.one: member, place of its reach, cell, score, by turns;  change.off: member, place of its reach;
-- change.several: {member, {place of a reach, cell, ...}, {place of a board, score or false, ...}}
-- touch(member), if it is there, is told of each.
local function set_reps(change, told, stem, partition, touch)
  local names, reaches, ranking = told.boards, told.reaches, new_ranking()
  local cells, gone, at, tail = {}, {}, 0, ' ' .. partition

  local one = change.one
  for i = 1, #one, 4 do
    local member, reach = one[i], reaches[one[i + 1]]
    cells[at + 1] = member
    cells[at + 2] = reach[1] .. ' ' .. one[i + 2] .. tail
    at = at + 2
    rank(ranking, reach, member, one[i + 3])
    if touch then touch(member) end
  end

  local off = change.off
  for i = 1, #off, 2 do
    local member, reach = off[i], reaches[off[i + 1]]
    gone[#gone + 1] = member
    for j = 2, #reach do leave(ranking, reach[j], member) end
    if touch then touch(member) end
  end

  for _, each in ipairs(change.several) do
    local member, held, ranked, texts = each[1], each[2], each[3], {}
    for i = 1, #held, 2 do texts[#texts + 1] = reaches[held[i]][1] .. ' ' .. held[i + 1] end
    if #texts == 0 then
      gone[#gone + 1] = member
    else
      cells[#cells + 1] = member
      cells[#cells + 1] = (#texts > 1 and '+' or '') .. table.concat(texts, ' ') .. tail
    end
    for i = 1, #ranked, 2 do
      if ranked[i + 1] then rank(ranking, {0, ranked[i]}, member, ranked[i + 1]) else leave(ranking, ranked[i], member) end
    end
    if touch then touch(member) end
  end

  local key = stem .. CELLS .. change.group
  write('HSET', key, cells)
  write('HDEL', key, gone)
  write_ranking(ranking, names, change, stem)
end
