package main

import (
	"fmt"
	"math"
	"reflect"
	"strconv"
	"strings"
	"unicode/utf8"
	"unsafe"
)

// kept bytes of texts and lists.
const most = 64

// jsonOf is what *p is in the output of latch trace --json.
func jsonOf[T any](p *T) any {
	v := reflect.ValueOf(p).Elem()
	switch v.Kind() {
	case reflect.Bool:
		return v.Bool()
	case reflect.String:
		return cut(v.String())
	case reflect.Float32, reflect.Float64:
		if f := v.Float(); math.IsNaN(f) || math.IsInf(f, 0) {
			return shown(v)
		}
		fallthrough
	case reflect.Int, reflect.Int8, reflect.Int16, reflect.Int32, reflect.Int64,
		reflect.Uint, reflect.Uint8, reflect.Uint16, reflect.Uint32, reflect.Uint64, reflect.Uintptr:
		return number(shown(v))
	}
	return shown(v)
}

// number is a number in JSON with all its digits.
type number string

func (n number) MarshalJSON() ([]byte, error) { return []byte(n), nil }

// cut is the part of a text that is kept.
func cut(s string) string {
	if len(s) <= most {
		return s
	}
	end := most
	for !utf8.RuneStart(s[end]) {
		end--
	}
	return s[:end] + "…"
}

// shown is how v is shown inside of another value.
func shown(v reflect.Value) string {
	switch v.Kind() {
	case reflect.Bool:
		return strconv.FormatBool(v.Bool())
	case reflect.Int, reflect.Int8, reflect.Int16, reflect.Int32, reflect.Int64:
		return strconv.FormatInt(v.Int(), 10)
	case reflect.Uint, reflect.Uint8, reflect.Uint16, reflect.Uint32, reflect.Uint64, reflect.Uintptr:
		return strconv.FormatUint(v.Uint(), 10)
	case reflect.Float32, reflect.Float64:
		return strconv.FormatFloat(v.Float(), 'g', -1, v.Type().Bits())
	case reflect.Complex64, reflect.Complex128:
		return strconv.FormatComplex(v.Complex(), 'g', -1, v.Type().Bits())
	case reflect.String:
		return strconv.Quote(cut(v.String()))
	case reflect.Pointer, reflect.Chan, reflect.UnsafePointer:
		return fmt.Sprintf("%#x", v.Pointer())
	case reflect.Func: // of which reflect gives the code
		return fmt.Sprintf("%#x", *(*uintptr)(unsafe.Pointer(v.Addr().Pointer())))
	case reflect.Map:
		return fmt.Sprintf("%s(%d)", v.Type(), v.Len())
	case reflect.Slice, reflect.Array:
		return list(v)
	case reflect.Struct:
		var fields []string
		for i := range v.NumField() {
			if name := v.Type().Field(i).Name; name != "_" {
				fields = append(fields, name+":"+shown(v.Field(i)))
			}
		}
		return "{" + strings.Join(fields, " ") + "}"
	case reflect.Interface:
		return held(v)
	}
	panic(v.Kind())
}

// list is the elements of a list if nothing but they are needed to know them,
// or else how many a slice has.
func list(v reflect.Value) string {
	elem := v.Type().Elem()
	switch {
	case plain(elem), v.Kind() == reflect.Array && v.Len() <= 1:
	case v.Kind() == reflect.Array:
		return v.Type().String()
	default:
		return fmt.Sprintf("%s(%d)", v.Type(), v.Len())
	}
	n := v.Len()
	if plain(elem) {
		n = min(n, most/int(elem.Size()))
	}
	var elems []string
	for i := range n {
		elems = append(elems, shown(v.Index(i)))
	}
	if n < v.Len() {
		elems = append(elems, "…")
	}
	return "[" + strings.Join(elems, " ") + "]"
}

func plain(t reflect.Type) bool {
	switch t.Kind() {
	case reflect.String, reflect.Slice, reflect.Interface, reflect.Map, reflect.Complex64, reflect.Complex128:
		return false
	case reflect.Array:
		return plain(t.Elem())
	case reflect.Struct:
		for i := range t.NumField() {
			if !plain(t.Field(i).Type) {
				return false
			}
		}
	}
	return true
}

// held is the type that an interface holds, with the text of the errors that
// are nothing but one.
func held(v reflect.Value) string {
	if v.IsNil() {
		return "nil"
	}
	name := fmt.Sprintf("%T", v.Interface())
	if v.Type() != reflect.TypeFor[error]() {
		return name
	}
	switch name {
	case "*errors.errorString", "*fmt.wrapError", "*fmt.wrapErrors":
		return name + ": " + cut(v.Interface().(error).Error())
	}
	return name
}

// both calls f, which returns what it is given, with each value, and prints
// argument and result.
func both[T any](fn string, f func(T) T, values ...T) {
	for _, v := range values {
		ret := f(v)
		put(fn, "v", v)
		put(fn, "ret", ret)
	}
}

// parts does what both does, and prints the fields of the structs, of large
// ones the first and the last one: there is a limit to what is shown of a call.
func parts[T any](fn string, f func(T) T, values ...T) {
	for _, v := range values {
		ret := f(v)
		put(fn, "v", v)
		put(fn, "ret", ret)
		fields(fn, "v", reflect.ValueOf(&v).Elem())
		fields(fn, "ret", reflect.ValueOf(&ret).Elem())
	}
}

func fields(fn, expr string, v reflect.Value) {
	for i := range v.NumField() {
		if n := v.NumField(); n > 6 && i > 0 && i < n-1 {
			continue
		}
		name, field := expr+"."+v.Type().Field(i).Name, v.Field(i)
		if field.Kind() == reflect.Struct {
			fields(fn, name, field)
			continue
		}
		putField(fn, name, field)
	}
}

// putField prints an exported field.
func putField(fn, expr string, v reflect.Value) {
	switch v.Kind() {
	case reflect.Bool:
		put(fn, expr, v.Bool())
	case reflect.String:
		put(fn, expr, v.String())
	case reflect.Int, reflect.Int8, reflect.Int16, reflect.Int32, reflect.Int64,
		reflect.Uint, reflect.Uint8, reflect.Uint16, reflect.Uint32, reflect.Uint64, reflect.Float32, reflect.Float64:
		putJSON(fn, expr, number(shown(v)))
	default:
		putJSON(fn, expr, shown(v))
	}
}
