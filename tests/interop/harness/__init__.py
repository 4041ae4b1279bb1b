"""What every interop test shares: servers, certificates, a breakable link, a raw client, agents."""
