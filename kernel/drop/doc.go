// Package drop explains each dropped packet: which one, where in the kernel,
// why, whose it was, and which call was in flight.
package drop
