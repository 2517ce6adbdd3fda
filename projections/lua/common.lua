-- What the kinds of change share.  Numbers are doubles here: whole numbers are exact up to 2^53, and '%.0f' writes them out.

-- One command over a list of any length: unpack() takes no more than about 8,000.
local function write(command, key, list)
  for i = 1, #list, 1000 do
    redis.call(command, key, unpack(list, i, math.min(i + 999, #list)))
  end
end

local function numbers(cell)
  if not cell then return 0, 0, 0, 0 end
  local revenue, quantity, count, lines = string.match(cell, '^(%S+) (%S+) (%S+) (%S+)')
  return tonumber(revenue), tonumber(quantity), tonumber(count), tonumber(lines)
end

-- New sum = old sum - this partition's old part + its new part.   parts: member, part, member, part, ...
-- Calls visit(member, revenue, lines) with each new sum.
local function add_parts(cells_key, parts_key, partition, changes, visit)
  local members, fields = {}, {}
  for i = 1, #changes, 2 do
    members[#members + 1] = changes[i]
    fields[#fields + 1] = partition .. '\0' .. changes[i]
  end
  local sums, parts = read(cells_key, members), read(parts_key, fields)
  local cells, cells_gone, kept, parts_gone = {}, {}, {}, {}
  for i, member in ipairs(members) do
    local part = changes[2 * i]
    local r, q, c, l = numbers(sums[i])
    local r0, q0, c0, l0 = numbers(parts[i])
    local r1, q1, c1, l1 = numbers(part)
    r, q, c, l = r - r0 + r1, q - q0 + q1, c - c0 + c1, l - l0 + l1
    if r == 0 and q == 0 and c == 0 and l == 0 then
      cells_gone[#cells_gone + 1] = member
    else
      cells[#cells + 1] = member
      cells[#cells + 1] = string.format('%.0f %.0f %.0f %.0f', r, q, c, l)
    end
    if r1 == 0 and q1 == 0 and c1 == 0 and l1 == 0 then
      parts_gone[#parts_gone + 1] = fields[i]
    else
      kept[#kept + 1] = fields[i]
      kept[#kept + 1] = part
    end
    visit(member, r, l)
  end
  write('HSET', cells_key, cells)
  write('HDEL', cells_key, cells_gone)
  write('HSET', parts_key, kept)
  write('HDEL', parts_key, parts_gone)
end
