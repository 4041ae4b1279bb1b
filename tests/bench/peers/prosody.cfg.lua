-- Prosody for the benchmarks. @DIR@, @CERT@ and @PORT@ are replaced when it is started.
run_as_root = true
daemonize = false
pidfile = "@DIR@/prosody.pid"
data_path = "@DIR@/data"
log = { warn = "@DIR@/prosody.log" }
network_backend = "epoll"
network_settings = { tcp_backlog = 1024 }

interfaces = { "127.0.0.1" }
c2s_ports = { @PORT@ }
s2s_ports = {}
c2s_direct_tls_ports = {}

modules_enabled = { "saslauth", "tls", "roster", "disco", "ping", "smacks" }
modules_disabled = { "s2s", "offline" }

c2s_require_encryption = false
allow_unencrypted_plain_auth = true
-- Sessions that the resume runs cut must outlive the gap.
smacks_hibernation_time = 300
smacks_max_hibernated_sessions = 10

ssl = { certificate = "@CERT@/cert.pem", key = "@CERT@/key.pem" }

-- Passwords stored in the clear (cheap PLAIN; SCRAM derives at each login).
VirtualHost "plain.test"
	authentication = "internal_plain"
-- Passwords stored as SCRAM keys, which is Prosody's default.
VirtualHost "hashed.test"
	authentication = "internal_hashed"
