// Package firewall names the rule that dropped a packet, and says how sure
// that is. It reads a namespace's iptables and nftables rules with the host's
// own tools and changes nothing, except by [Watch.Trace], which undoes it.
package firewall
