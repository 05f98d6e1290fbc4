// Package kernel knows this kernel: its symbols, the names in its types, and
// its network namespaces.
package kernel
