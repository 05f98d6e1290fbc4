package drop

// A Cause says in words a person can act on why packets were dropped.
type Cause struct {
	// Class is the short name of what happened, such as "firewall" or
	// "no-listener": what --cause and --fail-on take.
	Class string
	// Words is one clause in plain English: "blocked by firewall".
	Words string
	// Where is "before leaving", "in transit" or "at the receiver", or "".
	Where string
	// Hook is the netfilter hook, such as OUTPUT, "" if it was none.
	Hook string
	// Check is a command that shows what is behind it, Remedy one that would
	// mend it; neither is ever run. "" where none makes sense.
	Check, Remedy string
	// Quiet says that it is a routine free and no loss: it is counted and
	// hidden.
	Quiet bool
}
