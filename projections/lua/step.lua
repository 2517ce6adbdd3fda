-- One partition's part of some groups: each is refused, skipped or written as a whole.  Many small groups go in one call,
-- because a call costs more than a small group.
-- KEYS pos ahead   ARGV partition start bound target stem [change, ...]   -> 'refused', or an answer for each change
if redis.call('HGET', KEYS[1], ARGV[1]) ~= ARGV[2] then return 'refused' end
local partition, bound, stem = ARGV[1], tonumber(ARGV[3]), ARGV[5]

-- A rep has one home partition, so the part is the whole: nothing is read.
local function step_rep_boards(change)
  write('HSET', stem .. CELLS .. change.group, change.cells)
  write('HDEL', stem .. CELLS .. change.group, change.gone)
  write('ZADD', stem .. BOARD .. change.board, change.scores)
  write('ZREM', stem .. BOARD .. change.board, change.off)
end

local function step_unit_boards(change)
  local scores, off = {}, {}
  add_parts(stem .. CELLS .. change.group, stem .. PARTS .. change.group, partition, change.cells,
    function(member, revenue, lines)
      if lines > 0 then
        scores[#scores + 1] = string.format('%.0f', 0 - revenue)
        scores[#scores + 1] = member
      else
        off[#off + 1] = member
      end
    end)
  write('ZADD', stem .. BOARD .. change.board, scores)
  write('ZREM', stem .. BOARD .. change.board, off)
end

local function step_documents(change)
  write('HSET', stem .. DOCUMENTS .. change.group, change.documents)
end

local STEPS = {
  rep_boards = step_rep_boards, unit_boards = step_unit_boards, attainment = step_attainment, documents = step_documents,
}
local said, told = {}, false
for i, change in ipairs(cjson.decode(ARGV[6])) do
  local own_key = stem .. OWN .. change.group
  local own = redis.call('HGET', own_key, partition)
  if own and tonumber(own) >= bound then
    said[i] = 'skipped'
  else
    -- The own mark first: when memory is short Redis refuses a script at its first such command, or not at all.
    redis.call('HSET', own_key, partition, ARGV[3])
    if not told then
      redis.call('HSET', KEYS[2], ARGV[3], ARGV[4])
      told = true
    end
    STEPS[change.kind](change, stem, partition)
    said[i] = 'ok'
  end
end
return said
