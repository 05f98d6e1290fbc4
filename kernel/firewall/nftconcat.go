package firewall

import (
	"encoding/json"
	"strings"
)

// subjectsOf reads a key: one subject, or those of a concatenation. It is not
// ok if a Packet does not have one of them.
func subjectsOf(raw json.RawMessage) ([]subject, bool) {
	name, body := statement(raw)
	if name != "concat" {
		s, ok := subjectOf(raw)
		return []subject{s}, ok
	}
	var parts []json.RawMessage
	if json.Unmarshal(body, &parts) != nil {
		return nil, false
	}
	var subjects []subject
	for _, part := range parts {
		s, ok := subjectOf(part)
		if !ok {
			s = subject{} // unknown, the others still count
		}
		subjects = append(subjects, s)
	}
	return subjects, len(subjects) > 0
}

// concat reads a match of several subjects with a set of tuples.
func (r *nftReader) concat(t *table, parts, right json.RawMessage) (needs []cond, c cond) {
	subjects, known := subjectsOf(json.RawMessage(`{"concat":` + string(parts) + `}`))
	elems, vague, ok := r.elements(t, right)
	if !known || !ok {
		return nil, unknown()
	}
	for _, s := range subjects {
		needs = append(needs, s.needs...)
	}
	c = cond{field: fieldTuple, vague: vague}
	for _, elem := range elems {
		c.tuples = append(c.tuples, r.element(t, subjects, elem))
	}
	return needs, c
}

// elements lists those of an anonymous or a named set or map. vague says that
// there may be others.
func (r *nftReader) elements(t *table, raw json.RawMessage) (elems []json.RawMessage, vague, ok bool) {
	var name string
	if json.Unmarshal(raw, &name) == nil {
		name, isSet := strings.CutPrefix(name, "@")
		set := r.sets[nftKey(t.family, t.name, name)]
		if !isSet || set == nil {
			return nil, false, false
		}
		return set.Elem, set.changing(), true
	}
	kind, body := statement(raw)
	switch {
	case kind == "concat":
		return []json.RawMessage{raw}, false, true
	case kind == "set" && json.Unmarshal(body, &elems) == nil:
		return elems, false, true
	}
	return nil, false, false
}

// element is what must hold for the subjects to be one element of a set.
func (r *nftReader) element(t *table, subjects []subject, raw json.RawMessage) []cond {
	name, body := statement(raw)
	if name == "elem" {
		var elem struct{ Val json.RawMessage }
		if json.Unmarshal(body, &elem) != nil {
			return []cond{unknown()}
		}
		raw = elem.Val
		name, body = statement(raw)
	}
	parts := []json.RawMessage{raw}
	if name == "concat" && json.Unmarshal(body, &parts) != nil {
		return []cond{unknown()}
	}
	if len(parts) != len(subjects) {
		return []cond{unknown()}
	}
	var conds []cond
	for i, s := range subjects {
		v := values{cond: cond{field: s.field, mask: s.mask}, words: s.words, reader: r, table: t}
		v.add(parts[i])
		conds = append(conds, v.cond)
	}
	return conds
}
