-- Cells are stored as: number of a reach, revenue, quantity, count, lines; a member with several reaches has '+' before, and
-- then the five for each.  A rep's partition comes last.
local FIVE = '(%d+) (%S+) (%S+) (%S+) (%S+)'
local SEVERAL = 43  -- '+'

-- Fields of a hash, in any number: unpack() takes no more than about 8,000.
local function read(key, fields)
  local out = {}
  for i = 1, #fields, 1000 do
    local some = redis.call('HMGET', key, unpack(fields, i, math.min(i + 999, #fields)))
    for j = 1, #some do out[i + j - 1] = some[j] end
  end
  return out
end
