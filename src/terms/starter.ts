/** What `tributary terms init` writes: the default terms with what each key means. */
export const starterFile = `# The terms of this pool: how what gateways pay becomes what each worker is paid.
# \`tributary terms check FILE\` finds mistakes and shows an example in numbers,
# \`tributary terms publish FILE --starts-at-epoch next\` signs and publishes.
# Percentages and amounts stand in quotes, so that they are exact.

name = "My pool"
# The pool's part of what work earns.
commission = "10%"
# "private": proofs show each worker its own line, and nobody else's.
privacy = "public"

# When accounts are settled: "day", "week" (from Monday, UTC) or "round".
[epoch]
period = "week"

# "credited": tickets count at their expected value as they come in, so pay is even.
# "redeemed": only what has arrived on chain counts, so the pool never owes more.
# gas: who bears it, the "pool" or the "income" that is shared.
[income]
recognised = "credited"
gas = "pool"

# How work becomes credit. One of:
#   proportional    the income of the epoch, shared by "units" (pixels), "device-time" or "jobs"
#   sliding-window  the income, shared over the last UNITS units of this and earlier epochs
#   per-segment     what gateways paid for the worker's own segments
#   fixed-rate      rate = "0.0004 ETH per 1e9 pixels", whatever comes in; needs a reserve
#   retainer        rate = "0.0001 ETH per hour" for being there, the rest by work
#   pool-token      points or the pool's own token
[model]
kind = "proportional"
by = "units"

# Work of some workers can count for more.
# [[multipliers]]
# name = "fast"
# speed-percentile = 80      # or hardware-class, region, member-epochs
# factor = "1.1"

# What failures cost, as a share of the epoch's earnings, and who gets it.
# [penalties]
# go-to = "workers"
# [[penalties.rules]]
# for = "failed-checks"      # or failed-attempts, offline (each full percent missed)
# free = 3
# each = "0.5%"
# at-most = "20%"

# Some workers can have terms of their own.
# [[groups]]
# name = "hall"
# members = ["aaaaaaaaaa"]   # worker ids; or hardware-class, or region
# commission = "5%"

# A part of each credit can be paid some epochs later.
# [holdback]
# share = "10%"
# epochs = 4

# Who bears what a gateway takes back: "everyone", the "pool" or the "worker" who did the work.
[refunds]
borne-by = "everyone"

# The workers' share of the pool's own LPT rewards.
# [rewards]
# share = "50%"
# by = "units"

# When and in what workers are paid. A payout waits until it reaches its threshold and
# its fee is no more than fee-share-max of it.
[payouts]
every = "week"
on-demand = false
assets = ["ETH"]
fee-share-max = "1%"
thresholds = { ETH = "0.01" }

# Days to open a dispute after a statement, to answer it, and to decide.
[disputes]
open-days = 14
answer-days = 7
decide-days = 14
# A pool that is late with one of them gives back what a disputed penalty took ("upheld"),
# or the dispute stays "open". What is disputed can be set aside until it is decided.
late = "upheld"
set-aside = true

# What workers should bring, in words, and for which share of the time each promises to be there
# where \`tributary workers set\` says nothing else of it.
[expectations]
uptime = "95%"
hardware = "An NVIDIA GPU with NVENC, or four cores; 20 Mbit/s upstream."
`;
