-- One partition's part of some groups: each is refused, skipped or written as a whole.  Several groups go in one call,
-- because a call costs more than a small group.  A large change comes in slices, each a call of its own:
-- own[partition .. '*'] then says what is under way (target mark, attempt, slices done), and readers wait until the last.
-- KEYS pos ahead   ARGV partition start bound target stem told   -> 'refused', or an answer for each change
-- told, in MessagePack: boards and reaches that the changes name by their places, and the changes.
-- Answers: 'ok', 'targeted' (done, and there are attainment boards), 'skipped', 'refused'.
if redis.call('HGET', KEYS[1], ARGV[1]) ~= ARGV[2] then return 'refused' end
local partition, bound, stem = ARGV[1], tonumber(ARGV[3]), ARGV[5]
local told, under_way, begun = cmsgpack.unpack(ARGV[6]), partition .. '*', false

-- nil if a change may be written, and whether another is under way.
local function objection(change, own_key)
  local marks = call('HMGET', own_key, partition, under_way)
  local own, under = marks[1], marks[2]
  if own and tonumber(own) >= bound then return 'skipped' end
  if change.slice and change.slice > 1 then
    -- Only after the slice before it, of the same attempt: a rollback or another writer in between begins anew.
    if under ~= ARGV[3] .. ' ' .. change.attempt .. ' ' .. change.slice - 1 then return 'refused' end
  elseif under and tonumber(string.match(under, '^%d+')) > bound then
    return 'refused'  -- what is half written is later than this, and covers more
  end
  return nil, under
end

local said = {}
for i, change in ipairs(told.changes) do
  local own_key = stem .. OWN .. change.group
  local answer, under = objection(change, own_key)
  if not answer then
    -- The mark first: when memory is short Redis refuses a script at its first such command, or not at all.
    if change.slice and not change.last then
      call('HSET', own_key, under_way, ARGV[3] .. ' ' .. change.attempt .. ' ' .. change.slice)
    else
      call('HSET', own_key, partition, ARGV[3])
      if under then call('HDEL', own_key, under_way) end
    end
    if not begun then
      call('HSET', KEYS[2], ARGV[3], ARGV[4])
      numbered(told.reaches, stem)
      begun = true
    end
    answer = 'ok'
    if change.documents then
      write('HSET', stem .. DOCUMENTS .. change.group, change.documents)
    elseif step_members(change, told, stem, partition) then
      answer = 'targeted'  -- done, and it cost several times as much
    end
  end
  said[i] = answer
end
return said
