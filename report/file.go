package report

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"

	"github.com/latchprof/latch/latency"
)

// formats holds the ways to write a file, by the end of its name.
var formats = []struct {
	suffix string
	write  func(w io.Writer, rec *latency.Recording) error
}{
	{".json", JSON},
	{".pb.gz", Pprof},
	{".txt", func(w io.Writer, rec *latency.Recording) error { return Text(w, rec, nil) }},
}

func formatOf(path string) (func(io.Writer, *latency.Recording) error, error) {
	var known []string
	for _, f := range formats {
		if strings.HasSuffix(filepath.Base(path), f.suffix) {
			return f.write, nil
		}
		known = append(known, f.suffix)
	}
	return nil, fmt.Errorf("write %s: a name must end in %s", path, strings.Join(known, ", "))
}

// WriteFile writes rec in the format that the end of the path names: .json,
// .pb.gz or .txt. The file appears under its name only when it is complete; an
// older one, or a symbolic link, is replaced.
func WriteFile(path string, rec *latency.Recording) (err error) {
	write, err := formatOf(path)
	if err != nil {
		return err
	}
	if err := replaceable(path); err != nil {
		return err
	}
	tmp, err := createBeside(path)
	if err != nil {
		return err
	}
	defer func() {
		if err != nil {
			err = errors.Join(err, os.Remove(tmp.Name()))
		}
	}()
	if err := errors.Join(write(tmp, rec), tmp.Close()); err != nil {
		return fmt.Errorf("write %s: %w", path, err)
	}
	if err := os.Rename(tmp.Name(), path); err != nil {
		return fmt.Errorf("write %s: %w", path, err)
	}
	return nil
}

// CheckOutput returns the error that WriteFile would return for a path whose
// format is not known or which cannot be written. It leaves nothing behind.
func CheckOutput(path string) error {
	if _, err := formatOf(path); err != nil {
		return err
	}
	if err := replaceable(path); err != nil {
		return err
	}
	tmp, err := createBeside(path)
	if err != nil {
		return err
	}
	if err := errors.Join(tmp.Close(), os.Remove(tmp.Name())); err != nil {
		return fmt.Errorf("write %s: %w", path, err)
	}
	return nil
}

// replaceable returns an error if something other than a file has the name.
func replaceable(path string) error {
	info, err := os.Lstat(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("write %s: %w", path, err)
	}
	if mode := info.Mode().Type(); mode != 0 && mode != fs.ModeSymlink {
		return fmt.Errorf("write %s: not a regular file", path)
	}
	return nil
}

// createBeside creates a file of another name in the same directory. Unlike
// os.CreateTemp it leaves the permissions to the umask, as they stay.
func createBeside(path string) (*os.File, error) {
	dir := filepath.Dir(path)
	for {
		name := filepath.Join(dir, fmt.Sprintf(".latch-%016x.tmp", rand.Uint64()))
		f, err := os.OpenFile(name, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o666)
		if err == nil {
			return f, nil
		}
		if !errors.Is(err, fs.ErrExist) {
			var cause *fs.PathError
			if errors.As(err, &cause) {
				err = cause.Err
			}
			return nil, fmt.Errorf("write %s: directory %s: %w", path, dir, err)
		}
	}
}
