// Package firewall names the rule that dropped a packet, and says how sure
// that is. It reads a namespace's iptables and nftables rules with the host's
// own tools and changes nothing, except by [Watch.Trace], which undoes it.
//
// What it goes by, each step leaving fewer rules:
//
//   - the stack of the drop gives the hook and the firewall;
//   - [Brackets] give the base chain, where there are several;
//   - the packet is taken through the chains by what is known of it, each
//     condition being true, false or unknown;
//   - a counter that did not rise since [Open] rules its rule out;
//   - a trace says it outright.
package firewall
