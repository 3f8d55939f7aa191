"""Several instances of the assistant on this machine, behind real servers: PostgreSQL, Valkey (or Redis), nginx."""
