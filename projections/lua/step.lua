-- What flushes of several partitions change of some groups: each part is refused, skipped or written as a whole.  They go in
-- one call because a call costs more than a small part, and because a board that several change is written once.  What they
-- change of a group of units is one part, worked out from what the group held at a tag: every such write sets another.  A large
-- change comes in slices, each a call of its own: own[partition .. '*'] then says what is under way (target mark, attempt,
-- slices done), and readers wait until the last.
-- KEYS pos, then ahead of each flush   ARGV stem told   -> an answer for each part
-- told, in MessagePack: the flushes {partition, start, mark of the target, target}, boards and reaches that the parts name by
-- their places, and the groups with their parts.
-- Answers: 'ok', 'targeted' (done, and there are attainment boards), 'skipped', 'refused', 'changed' (another tag by now).
local stem, told = ARGV[1], cmsgpack.unpack(ARGV[2])
local flushes, numbers_known, said = told.flushes, false, {}

local partitions = {}
for i, flush in ipairs(flushes) do partitions[i] = flush[1] end
for i, text in ipairs(call('HMGET', KEYS[1], unpack(partitions))) do flushes[i].current = text == flushes[i][2] end

-- What is answered to a part that may not be written; nil if it may.  held: the group's own mark of each of its partitions,
-- and what is under way there, by turns; tag: the group's.
local function objection(part, held, tag)
  for _, number in ipairs(part.flushes) do
    if not flushes[number].current then return 'refused' end
  end
  if part.tag then
    if (tag or '') == part.was then return nil end  -- the group is as it was when the part was worked out
    return part.slice and part.slice > 1 and 'refused' or 'changed'
  end
  local bound, own, under = flushes[part.flushes[1]][3], held[1], held[2]
  if own and tonumber(own) >= bound then return 'skipped' end
  if part.slice and part.slice > 1 then
    -- Only after the slice before it, of the same attempt: a rollback or another writer in between begins anew.
    if under ~= format('%d %s %d', bound, part.attempt, part.slice - 1) then return 'refused' end
  elseif under and tonumber(match(under, '^%d+')) > bound then
    return 'refused'  -- what is half written is later than this, and covers more
  end
end

-- The parts of a group that may be written, and what is answered to the others.  Their marks are set first: when memory is
-- short Redis refuses a script at its first such command, or not at all.
local function admitted(group, answers)
  local own_key, fields, at = stem .. OWN .. group.group, {TAG}, 1
  for _, part in ipairs(group.parts) do
    for _, number in ipairs(part.flushes) do
      local partition = flushes[number][1]
      fields[at + 1], fields[at + 2], at = partition, partition .. UNDER_WAY, at + 2
    end
  end
  local found, marks, ended, parts = read(own_key, fields), {}, {}, {}
  local tag = found[1]
  at = 1
  for i, part in ipairs(group.parts) do
    local held, half = {}, part.slice and not part.last
    for j = 1, 2 * #part.flushes do held[j] = found[at + j] end
    at = at + #held
    answers[i] = objection(part, held, tag)
    if not answers[i] then
      parts[#parts + 1] = part
      part.partition = flushes[part.flushes[1]][1]
      for j, number in ipairs(part.flushes) do
        local partition, bound = flushes[number][1], flushes[number][3]
        marks[#marks + 1] = half and partition .. UNDER_WAY or partition
        marks[#marks + 1] = half and format('%d %s %d', bound, part.attempt, part.slice) or format('%d', bound)
        if not half and held[2 * j] then ended[#ended + 1] = partition .. UNDER_WAY end
      end
      if part.tag then marks[#marks + 1], marks[#marks + 2] = TAG, part.tag end
    end
  end
  write('HSET', own_key, marks)
  write('HDEL', own_key, ended)
  return parts
end

local function begin(parts)
  for _, part in ipairs(parts) do
    for _, number in ipairs(part.flushes) do
      local flush = flushes[number]
      if not flush.begun then
        flush.begun = true
        call('HSET', KEYS[1 + number], format('%d', flush[3]), flush[4])
      end
    end
  end
  if not numbers_known then
    numbers_known = true
    numbered(told.reaches, stem)
  end
end

for _, group in ipairs(told.groups) do
  local answers = {}
  local parts, done = admitted(group, answers), 'ok'
  if #parts > 0 then
    begin(parts)
    if group.bucket then
      if step_members(group, parts, told, stem) then done = 'targeted' end  -- it cost several times as much
    else
      for _, part in ipairs(parts) do write('HSET', stem .. DOCUMENTS .. group.group, part.documents) end
    end
  end
  for i = 1, #group.parts do said[#said + 1] = answers[i] or done end
end
return said
