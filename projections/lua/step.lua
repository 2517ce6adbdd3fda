-- What flushes of several partitions change of some groups: each part is refused, skipped or written as a whole.  They go in
-- one call because a call costs more than a small part, and because a board that several change is written once.  A large
-- change comes in slices, each a call of its own: own[partition .. '*'] then says what is under way (target mark, attempt,
-- slices done), and readers wait until the last.
-- KEYS pos, then ahead of each flush   ARGV stem told   -> an answer for each part
-- told, in MessagePack: the flushes {partition, start, mark of the target, target}, boards and reaches that the parts name by
-- their places, and the groups with their parts.
-- Answers: 'ok', 'targeted' (done, and there are attainment boards), 'skipped', 'refused'.
local stem, told = ARGV[1], cmsgpack.unpack(ARGV[2])
local flushes, numbers_known, said = told.flushes, false, {}

local partitions = {}
for i, flush in ipairs(flushes) do partitions[i] = flush[1] end
for i, text in ipairs(call('HMGET', KEYS[1], unpack(partitions))) do flushes[i].current = text == flushes[i][2] end

-- nil if a part may be written, and else what is answered.  own, under: what the group shows of the partition, and has under way.
local function objection(part, bound, own, under)
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
  local own_key, fields, at = stem .. OWN .. group.group, {}, 0
  for _, part in ipairs(group.parts) do
    local partition = flushes[part.flush][1]
    fields[at + 1], fields[at + 2], at = partition, partition .. '*', at + 2
  end
  local held, marks, ended, parts = read(own_key, fields), {}, {}, {}
  for i, part in ipairs(group.parts) do
    local flush, own, under = flushes[part.flush], held[2 * i - 1], held[2 * i]
    answers[i] = not flush.current and 'refused' or objection(part, flush[3], own, under)
    if not answers[i] then
      parts[#parts + 1] = part
      part.partition = flush[1]
      if part.slice and not part.last then
        marks[#marks + 1] = flush[1] .. '*'
        marks[#marks + 1] = format('%d %s %d', flush[3], part.attempt, part.slice)
      else
        marks[#marks + 1] = flush[1]
        marks[#marks + 1] = format('%d', flush[3])
        if under then ended[#ended + 1] = flush[1] .. '*' end
      end
    end
  end
  write('HSET', own_key, marks)
  write('HDEL', own_key, ended)
  return parts
end

local function begin(parts)
  for _, part in ipairs(parts) do
    local flush = flushes[part.flush]
    if not flush.begun then
      flush.begun = true
      call('HSET', KEYS[1 + part.flush], format('%d', flush[3]), flush[4])
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
