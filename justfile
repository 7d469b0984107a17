# The same commands as in CONTRIBUTING.md, by name. `just` alone lists them.

[private]
default:
    @just --list

# Everything that must hold before a change lands
test:
    scripts/test

# The program as it stands: just serve --port 0
serve *arguments:
    cargo run -- serve {{arguments}}

# The tests alone; a filter narrows them: just nextest -p simply-mcp one_way
nextest *filter:
    cargo nextest run --workspace {{filter}}

# Lints and format
lint:
    cargo fmt --check
    cargo clippy --workspace --all-targets -- -D warnings

# The documentation, as docs.rs would show it
doc:
    RUSTDOCFLAGS="-D warnings" cargo doc --workspace --no-deps

# Licences, sources and duplicates of the dependencies
deny:
    cargo deny check bans licenses sources

# The real MCP programs that the tests talk to
peers:
    tests/peers/install

# The tests with real MCP programs alone
peers-test: peers
    cargo nextest run --workspace -E 'binary(peers)'

# What the doors of authentication and rate limits cost: nanoseconds and allocations of a request
bench:
    cargo bench --workspace --bench doors
