-- What readers share.  A group's as_of is the version's positions, and its own where that is later.

-- pos (flat) -> partition to mark
local function marks(pos)
  local out = {}
  for i = 1, #pos, 2 do out[pos[i]] = tonumber(string.match(pos[i + 1], '^-?%d+')) end
  return out
end

-- The positions of a group that is ahead of its version: partition, text, ...; nil if Redis no longer knows one of them,
-- and nil and 'busy' if the group is half written.
local function later(stem, group, shown)
  local own, out = redis.call('HGETALL', stem .. OWN .. group), {}
  for i = 1, #own, 2 do
    if own[i] ~= TAG then
      local under_way = string.match(own[i], '^(%d+)%*$')
      local at = shown[under_way or own[i]]
      if not at then return nil end
      if tonumber(string.match(own[i + 1], '^-?%d+')) > at then
        if under_way then return nil, 'busy' end
        local text = redis.call('HGET', stem .. AHEAD .. own[i], own[i + 1])
        if not text then return nil end
        out[#out + 1] = own[i]
        out[#out + 1] = text
      end
    end
  end
  return out, own
end
