package testutil

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
)

// cRecipe compiles all .c or .cc files of src into one program. Files named
// lib*.c become shared libraries beside it and are not linked.
func cRecipe(src, lang string, header, flags []string) (recipe, error) {
	name := filepath.Base(src)
	cc, ext := "gcc", ".c"
	if lang == "cxx" {
		cc, ext = "g++", ".cc"
	}
	args := append([]string{"-O2", "-g", "-Wall", "-Wextra", "-pthread"}, header...)
	if inCI() { // elsewhere a newer compiler may have new opinions
		args = append(args, "-Werror")
	}
	var after string
	for _, f := range flags {
		switch f {
		case "clang":
			cc = map[string]string{"gcc": "clang", "g++": "clang++"}[cc]
		case "musl":
			cc = "musl-gcc"
		case "strip", "strip-debug", "debuglink", "badlink", "minidebug":
			after = f
		default:
			args = append(args, f)
		}
	}
	files, err := filesOf(src)
	if err != nil {
		return recipe{}, err
	}
	r := recipe{
		sources: append(files, filepath.Join(filepath.Dir(filepath.Dir(src)), "c", "protocol.h")),
		tools:   []string{cc},
		dir:     src,
		output:  name,
	}
	main := append([]string{cc}, args...)
	main = append(main, "-o", outDir+"/"+name)
	for _, f := range files {
		base := filepath.Base(f)
		switch {
		case filepath.Ext(base) != ext:
		case strings.HasPrefix(base, "lib"):
			so := strings.TrimSuffix(base, ext) + ".so"
			lib := append([]string{cc}, args...)
			r.steps = append(r.steps, append(lib, "-shared", "-fPIC", "-Wl,-soname,"+so, "-o", outDir+"/"+so, base))
		default:
			main = append(main, base)
		}
	}
	r.steps = append(r.steps, main)
	r.strip(after)
	return r, nil
}

// strip adds the steps that take a program's symbols away, or move them to
// where elfsym must look for them.
func (r *recipe) strip(how string) {
	exe := outDir + "/" + r.output
	dbg := exe + ".debug"
	split := [][]string{{"objcopy", "--only-keep-debug", exe, dbg}, {"strip", "--strip-all", exe}}
	link := []string{"objcopy", "--add-gnu-debuglink=" + dbg, exe}
	switch how {
	case "strip", "strip-debug":
		r.tools = append(r.tools, "strip")
		r.steps = append(r.steps, []string{"strip", "--" + map[string]string{"strip": "strip-all", "strip-debug": "strip-debug"}[how], exe})
	case "debuglink":
		r.tools = append(r.tools, "strip", "objcopy")
		r.steps = append(append(r.steps, split...), link)
	case "badlink": // a debug file whose CRC is not the one in .gnu_debuglink
		r.tools = append(r.tools, "strip", "objcopy")
		r.steps = append(append(r.steps, split...), link, []string{"truncate", "-s", "+1", dbg})
	case "minidebug": // Fedora's: .symtab alone, xz'ed into .gnu_debugdata
		r.tools = append(r.tools, "strip", "objcopy", "xz")
		r.steps = append(r.steps,
			[]string{"objcopy", "--strip-debug", exe, dbg},
			[]string{"objcopy", "--only-keep-debug", dbg, dbg},
			[]string{"strip", "--strip-all", exe},
			[]string{"xz", "-f", "--check=crc64", dbg},
			[]string{"objcopy", "--add-section", ".gnu_debugdata=" + dbg + ".xz", exe})
	}
}

// rustRecipe compiles NAME.rs by rustc alone.
func rustRecipe(src string, header, flags []string) (recipe, error) {
	name := filepath.Base(src)
	args := append([]string{"rustc", "--edition", "2021", "-g", "-C", "opt-level=3"}, header...)
	var after string
	var env []string
	for _, f := range flags {
		switch f {
		case "release":
		case "debug":
			args = append(args, "-C", "opt-level=0")
		case "v0":
			args = append(args, "-C", "symbol-mangling-version=v0")
		case "legacy":
			// A stable rustc takes v0 by name, but not legacy.
			env = append(env, "RUSTC_BOOTSTRAP=1")
			args = append(args, "-Z", "unstable-options", "-C", "symbol-mangling-version=legacy")
		case "strip", "strip-debug":
			after = f
		default:
			args = append(args, f)
		}
	}
	if inCI() {
		args = append(args, "-D", "warnings")
	}
	files, err := filesOf(src)
	if err != nil {
		return recipe{}, err
	}
	r := recipe{
		sources: append(files, filepath.Join(filepath.Dir(src), "protocol.rs")),
		tools:   []string{"rustc"},
		dir:     src,
		env:     env,
		steps:   [][]string{append(args, "-o", outDir+"/"+name, name+".rs")},
		output:  name,
	}
	r.strip(after)
	return r, nil
}

// goRecipe compiles a package of this module, or, for another toolchain, a
// copy of it in a module that says that toolchain's version.
func goRecipe(src string, h Header, flags []string) (recipe, error) {
	name := filepath.Base(src)
	root := filepath.Dir(filepath.Dir(filepath.Dir(src)))
	var ldflags, build []string
	cgo, toolchain := h.needs("cgo"), "local"
	for _, f := range flags {
		switch f {
		case "-s -w", "-w", "-s":
			ldflags = append(ldflags, f)
		case "-N -l":
			build = append(build, "-gcflags=-N -l")
		case "pie":
			build = append(build, "-buildmode=pie")
		case "cgo":
			cgo = true
			ldflags = append(ldflags, "-linkmode=external")
		case "static-pie":
			cgo = true
			build = append(build, "-buildmode=pie")
			ldflags = append(ldflags, "-linkmode=external", `-extldflags "-static-pie"`)
		default:
			if v, ok := strings.CutPrefix(f, "toolchain="); ok {
				toolchain = v
			} else {
				build = append(build, f)
			}
		}
	}
	protocol := filepath.Join(filepath.Dir(src), "internal", "protocol")
	files, err := filesOf(src)
	if err != nil {
		return recipe{}, err
	}
	shared, err := filesOf(protocol)
	if err != nil {
		return recipe{}, err
	}
	r := recipe{
		sources: append(files, shared...),
		tools:   []string{"go"},
		dir:     src,
		env:     []string{"GOTOOLCHAIN=" + toolchain, "GOWORK=off", "GOFLAGS=", "CGO_ENABLED=0"},
		output:  name,
	}
	if cgo {
		r.tools = append(r.tools, "gcc")
		r.env[len(r.env)-1] = "CGO_ENABLED=1"
	}
	if toolchain != "local" {
		rel, err := filepath.Rel(root, src)
		if err != nil {
			return recipe{}, err
		}
		relShared, err := filepath.Rel(root, protocol)
		if err != nil {
			return recipe{}, err
		}
		r.dir = filepath.Join(outDir, "module", rel)
		r.prepare = func(out string) error {
			mod := filepath.Join(out, "module")
			if err := copyFiles(filepath.Join(mod, rel), files); err != nil {
				return err
			}
			if err := copyFiles(filepath.Join(mod, relShared), shared); err != nil {
				return err
			}
			goMod := "module github.com/latchprof/latch\n\ngo " + languageVersion(toolchain) + "\n"
			return os.WriteFile(filepath.Join(mod, "go.mod"), []byte(goMod), 0o644)
		}
	}
	cmd := append([]string{"go", "build", "-buildvcs=false", "-o", outDir + "/" + name}, build...)
	if len(ldflags) > 0 {
		cmd = append(cmd, "-ldflags="+strings.Join(ldflags, " "))
	}
	r.steps = [][]string{append(cmd, ".")}
	return r, nil
}

// languageVersion is "1.21" for "go1.21.13".
func languageVersion(toolchain string) string {
	v := strings.TrimPrefix(toolchain, "go")
	if parts := strings.Split(v, "."); len(parts) > 2 {
		v = strings.Join(parts[:2], ".")
	}
	return v
}

func toolchainFlag(flags []string) string {
	for _, f := range flags {
		if v, ok := strings.CutPrefix(f, "toolchain="); ok {
			return v
		}
	}
	return ""
}

func copyFiles(dir string, files []string) error {
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return err
	}
	for _, name := range files {
		if strings.HasSuffix(name, "_test.go") {
			continue
		}
		data, err := os.ReadFile(name)
		if err != nil {
			return err
		}
		if err := os.WriteFile(filepath.Join(dir, filepath.Base(name)), data, 0o644); err != nil {
			return fmt.Errorf("copy %s: %w", name, err)
		}
	}
	return nil
}
