// Generated from place-rule.ts 7820595a1239f71a by `node build.config.mjs places`.
export const PLACE_RULE_LUA = String.raw`
local ____exports = {}
local heedClock, describe, findOwner, enterOwner, removeOwner, forget, isIn, isWaiting, noteMachine, learn, grow, admit, takeNext, LEAST_STREAK, LONGEST_PAUSE_MS, MOST_IN_A_ROW
function ____exports.removeWaiters(ring, leaves)
    do
        local index = #ring - 1
        while index >= 0 do
            local waiters = ring[index + 1].waiters
            do
                local at = #waiters - 1
                while at >= 0 do
                    if leaves(waiters[at + 1]) then
                        ____exports.removeAt(waiters, at)
                    end
                    at = at - 1
                end
            end
            if #waiters == 0 then
                ____exports.removeAt(ring, index)
            end
            index = index - 1
        end
    end
end
function ____exports.waitsIn(ring, name)
    for ____, own in ipairs(ring) do
        for ____, waiter in ipairs(own.waiters) do
            if waiter.owner == name then
                return true
            end
        end
    end
    return false
end
function ____exports.countWaiting(ring)
    local count = 0
    for ____, own in ipairs(ring) do
        count = count + #own.waiters
    end
    return count
end
function ____exports.shiftFrom(ring, may)
    do
        local index = 0
        while index < #ring do
            local own = ring[index + 1]
            do
                local at = 0
                while at < #own.waiters do
                    do
                        local __continue27
                        repeat
                            local waiter = own.waiters[at + 1]
                            if not may(waiter) then
                                __continue27 = true
                                break
                            end
                            ____exports.removeAt(ring, index)
                            ____exports.removeAt(own.waiters, at)
                            if #own.waiters > 0 then
                                ring[#ring + 1] = own
                            end
                            return waiter
                        until true
                        if not __continue27 then
                            break
                        end
                    end
                    at = at + 1
                end
            end
            index = index + 1
        end
    end
    return nil
end
function ____exports.removeAt(list, at)
    do
        local index = at
        while index < #list - 1 do
            list[index + 1] = list[index + 1 + 1]
            index = index + 1
        end
    end
    table.remove(list)
end
function heedClock(state, nowMs)
    if state.pauseUntilMs - nowMs > LONGEST_PAUSE_MS then
        state.pauseUntilMs = 0
    end
    if state.cutAtMs > nowMs then
        state.cutAtMs = nowMs
    end
    if state.countedSinceMs > nowMs then
        state.countedSinceMs = nowMs
    end
    for ____, machine in ipairs(state.machines) do
        if machine.seenMs > nowMs then
            machine.seenMs = nowMs
        end
    end
end
function ____exports.countRunning(state)
    local count = 0
    for ____, owner in ipairs(state.owners) do
        count = count + (owner.running + #owner.granted)
    end
    return count
end
function ____exports.limitOf(state, most)
    local least = most
    for ____, owner in ipairs(state.owners) do
        if owner.most < least then
            least = owner.most
        end
    end
    return state.cutTo > 0 and state.cutTo < least and state.cutTo or least
end
function describe(state, request, nowMs, grants, anew)
    local owner = findOwner(state, request.name)
    local waiting = ____exports.countWaiting(state.interactive) + ____exports.countWaiting(state.background)
    return {
        unknown = anew and not request.whole,
        anew = anew,
        grants = grants,
        granted = owner == nil and ({}) or owner.granted,
        limit = ____exports.limitOf(state, request.most),
        running = ____exports.countRunning(state),
        waiting = waiting,
        pauseUntilMs = waiting > 0 and state.pauseUntilMs > nowMs and state.pauseUntilMs or 0,
        nowMs = nowMs,
        machines = #state.machines
    }
end
function findOwner(state, name)
    for ____, owner in ipairs(state.owners) do
        if owner.name == name then
            return owner
        end
    end
    return nil
end
function enterOwner(state, request, nowMs)
    local owner = findOwner(state, request.name)
    if owner == nil then
        owner = {
            name = request.name,
            machine = request.machine,
            pid = request.pid,
            version = request.version,
            seq = request.seq,
            most = request.most,
            running = request.running,
            sinceMs = nowMs,
            granted = {}
        }
        local ____state_owners_1 = state.owners
        ____state_owners_1[#____state_owners_1 + 1] = owner
    end
    owner.seq = request.seq
    owner.most = request.most
    owner.running = request.running
    return owner
end
function removeOwner(state, name)
    do
        local index = #state.owners - 1
        while index >= 0 do
            if state.owners[index + 1].name == name then
                ____exports.removeAt(state.owners, index)
            end
            index = index - 1
        end
    end
    local function isItsOwn(waiter)
        return waiter.owner == name
    end
    ____exports.removeWaiters(state.interactive, isItsOwn)
    ____exports.removeWaiters(state.background, isItsOwn)
end
function forget(state, owner, left)
    if #left == 0 then
        return
    end
    do
        local index = #owner.granted - 1
        while index >= 0 do
            if isIn(left, owner.granted[index + 1]) then
                ____exports.removeAt(owner.granted, index)
            end
            index = index - 1
        end
    end
    local function hasLeft(waiter)
        return waiter.owner == owner.name and isIn(left, waiter.id)
    end
    ____exports.removeWaiters(state.interactive, hasLeft)
    ____exports.removeWaiters(state.background, hasLeft)
end
function isIn(names, wanted)
    for ____, name in ipairs(names) do
        if name == wanted then
            return true
        end
    end
    return false
end
function isWaiting(state, name)
    return ____exports.waitsIn(state.interactive, name) or ____exports.waitsIn(state.background, name)
end
function noteMachine(state, name, nowMs)
    local found = false
    do
        local index = #state.machines - 1
        while index >= 0 do
            local machine = state.machines[index + 1]
            if machine.name == name then
                found = true
                machine.seenMs = nowMs
            elseif nowMs - machine.seenMs > ____exports.MACHINE_MS then
                ____exports.removeAt(state.machines, index)
            end
            index = index - 1
        end
    end
    if not found then
        local ____state_machines_2 = state.machines
        ____state_machines_2[#____state_machines_2 + 1] = {name = name, seenMs = nowMs}
    end
end
function learn(state, request, nowMs)
    if request.waitedUntilMs > 0 and request.waitedUntilMs == state.pauseUntilMs then
        state.pauseUntilMs = 0
    end
    if request.refusedMs >= 0 then
        state.streak = 0
        local ____until = nowMs + math.min(request.refusedMs, LONGEST_PAUSE_MS)
        if request.refusedMs > 0 and ____until > state.pauseUntilMs then
            state.pauseUntilMs = ____until
        end
        if nowMs - state.cutAtMs >= ____exports.SAME_MOMENT_MS then
            state.cutTo = math.max(
                1,
                math.floor(____exports.limitOf(state, request.most) / 2)
            )
            state.cutAtMs = nowMs
        end
    end
    do
        local served = 0
        while served < request.served and state.cutTo > 0 do
            grow(state, request.most)
            served = served + 1
        end
    end
end
function grow(state, most)
    state.streak = state.streak + 1
    if state.streak < math.max(LEAST_STREAK, 2 * state.cutTo) then
        return
    end
    state.streak = 0
    state.cutTo = state.cutTo + 1
    local uncut = state.cutTo
    state.cutTo = 0
    if uncut < ____exports.limitOf(state, most) then
        state.cutTo = uncut
    end
end
function admit(state, nowMs, silent, speaking)
    local grants = {}
    if #state.owners == 0 or state.pauseUntilMs > nowMs then
        return grants
    end
    local limit = ____exports.limitOf(state, state.owners[1].most)
    local function isHeard(waiter)
        return waiter.owner == speaking or not isIn(silent, waiter.owner)
    end
    local function isAny(_waiter)
        return true
    end
    local running = ____exports.countRunning(state)
    while running < limit do
        do
            local __continue108
            repeat
                local next = takeNext(state, isHeard) or takeNext(state, isAny)
                if next == nil then
                    return grants
                end
                local owner = findOwner(state, next.owner)
                if owner == nil then
                    __continue108 = true
                    break
                end
                local ____owner_granted_3 = owner.granted
                ____owner_granted_3[#____owner_granted_3 + 1] = next.id
                grants[#grants + 1] = {owner = next.owner, id = next.id, waitedMs = nowMs - next.sinceMs}
                running = running + 1
                __continue108 = true
            until true
            if not __continue108 then
                break
            end
        end
    end
    return grants
end
function takeNext(state, may)
    local background = #state.background > 0
    local overdue = background and state.inARow >= MOST_IN_A_ROW
    if not overdue then
        local next = ____exports.shiftFrom(state.interactive, may)
        if next ~= nil then
            state.inARow = background and state.inARow + 1 or 0
            return next
        end
    end
    local next = ____exports.shiftFrom(state.background, may)
    if next ~= nil then
        state.inARow = 0
    end
    local ____next_5 = next
    if ____next_5 == nil then
        local ____overdue_4
        if overdue then
            ____overdue_4 = ____exports.shiftFrom(state.interactive, may)
        else
            ____overdue_4 = nil
        end
        ____next_5 = ____overdue_4
    end
    return ____next_5
end
____exports.LEASE_MS = 3000
____exports.BEAT_MS = 750
____exports.SILENT_MS = 2 * ____exports.BEAT_MS
____exports.SAME_MOMENT_MS = 2000
function ____exports.createPlaceState()
    return {
        cutTo = 0,
        cutAtMs = -____exports.SAME_MOMENT_MS,
        streak = 0,
        pauseUntilMs = 0,
        inARow = 0,
        countedSinceMs = 0,
        owners = {},
        interactive = {},
        background = {},
        machines = {}
    }
end
function ____exports.addWaiter(ring, waiter, owner, nowMs)
    local entry = {id = waiter.id, owner = owner, sinceMs = nowMs}
    for ____, own in ipairs(ring) do
        if own.key == waiter.key then
            local ____own_waiters_0 = own.waiters
            ____own_waiters_0[#____own_waiters_0 + 1] = entry
            return
        end
    end
    ring[#ring + 1] = {key = waiter.key, waiters = {entry}}
end
LEAST_STREAK = 4
LONGEST_PAUSE_MS = 10000
MOST_IN_A_ROW = 8
____exports.MACHINE_MS = 600000
____exports.RECOVERY_MS = 2 * ____exports.BEAT_MS
function ____exports.shareOfMachine(most, machines)
    return math.max(
        1,
        math.floor(most / math.max(1, machines))
    )
end
function ____exports.stepPlaces(state, request, nowMs, dead, silent)
    heedClock(state, nowMs)
    for ____, name in ipairs(dead) do
        removeOwner(state, name)
    end
    local known = findOwner(state, request.name)
    local anew = known == nil
    if anew and not request.whole then
        return describe(
            state,
            request,
            nowMs,
            {},
            anew
        )
    end
    if known ~= nil and request.seq <= known.seq then
        return describe(
            state,
            request,
            nowMs,
            {},
            anew
        )
    end
    if request.whole then
        removeOwner(state, request.name)
    end
    if #state.owners == 0 then
        state.countedSinceMs = nowMs
    end
    if request.returning and nowMs - state.countedSinceMs < ____exports.RECOVERY_MS then
        state.pauseUntilMs = math.max(state.pauseUntilMs, state.countedSinceMs + ____exports.RECOVERY_MS)
    end
    local owner = enterOwner(state, request, nowMs)
    forget(state, owner, request.left)
    for ____, waiter in ipairs(request.joined) do
        ____exports.addWaiter(waiter.interactive and state.interactive or state.background, waiter, request.name, nowMs)
    end
    noteMachine(state, request.machine, nowMs)
    learn(state, request, nowMs)
    local grants = admit(state, nowMs, silent, request.name)
    if owner.running == 0 and #owner.granted == 0 and not isWaiting(state, owner.name) then
        removeOwner(state, owner.name)
    end
    return describe(
        state,
        request,
        nowMs,
        grants,
        anew
    )
end
function ____exports.noteSilence(state, name, silentMs, nowMs)
    if silentMs <= ____exports.RECOVERY_MS or #state.owners == 0 then
        return false
    end
    state.pauseUntilMs = math.max(state.pauseUntilMs, nowMs + ____exports.RECOVERY_MS)
    return findOwner(state, name) ~= nil
end
function ____exports.beginAnew(state, nowMs)
    state.owners = {}
    state.interactive = {}
    state.background = {}
    heedClock(state, nowMs)
    state.pauseUntilMs = math.max(state.pauseUntilMs, nowMs + ____exports.RECOVERY_MS)
end
function ____exports.dropOwners(state, dead, nowMs, silent)
    heedClock(state, nowMs)
    for ____, name in ipairs(dead) do
        removeOwner(state, name)
    end
    return admit(state, nowMs, silent, "")
end
return ____exports
`
