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

// A format is a way to write a value to a file, by the end of its name.
type format[T any] struct {
	suffix string
	write  func(w io.Writer, v T) error
}

// recordingFormats are those of recordings.
var recordingFormats = []format[*latency.Recording]{
	{".json", JSON},
	{".pb.gz", Pprof},
	{".folded", Folded},
	{".csv", CSV},
	{".md", Markdown},
	{".bench", func(w io.Writer, rec *latency.Recording) error { return Bench(w, rec) }},
	{".txt", func(w io.Writer, rec *latency.Recording) error { return Text(w, rec, nil) }},
	{".html", HTML},
}

func formatOf[T any](formats []format[T], path string) (func(io.Writer, T) error, error) {
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
// .pb.gz, .folded, .csv, .md, .bench or .txt. The file appears under its name only when it is complete; an
// older one, or a symbolic link, is replaced.
func WriteFile(path string, rec *latency.Recording) error {
	return writeFile(recordingFormats, path, rec)
}

func writeFile[T any](formats []format[T], path string, v T) (err error) {
	write, err := formatOf(formats, path)
	if err != nil {
		return err
	}
	f, err := Create(path)
	if err != nil {
		return err
	}
	if err := write(f, v); err != nil {
		return errors.Join(f.errorf(err), f.Close())
	}
	return errors.Join(f.Complete(), f.Close())
}

// A File is one that appears under its name only when it is complete.
type File struct {
	path string
	tmp  *os.File // nil once it is complete or gone
}

// Create begins a file. An older one of its name, or a symbolic link, stays
// until the file is complete.
func Create(path string) (*File, error) {
	if err := replaceable(path); err != nil {
		return nil, err
	}
	tmp, err := createBeside(path)
	if err != nil {
		return nil, err
	}
	return &File{path, tmp}, nil
}

func (f *File) Write(data []byte) (int, error) {
	n, err := f.tmp.Write(data)
	if err != nil {
		return n, f.errorf(err)
	}
	return n, nil
}

// Complete gives the file its name.
func (f *File) Complete() error {
	if err := f.tmp.Close(); err != nil {
		return f.errorf(err)
	}
	if err := os.Rename(f.tmp.Name(), f.path); err != nil {
		return f.errorf(err)
	}
	f.tmp = nil
	return nil
}

// Close removes what was written, unless it is complete.
func (f *File) Close() error {
	if f.tmp == nil {
		return nil
	}
	_ = f.tmp.Close() // what it holds goes
	err := os.Remove(f.tmp.Name())
	f.tmp = nil
	if err != nil {
		return f.errorf(err)
	}
	return nil
}

// errorf names the file as the user does.
func (f *File) errorf(err error) error {
	return fmt.Errorf("write %s: %w", f.path, bare(err))
}

// bare is an error without the name of a file.
func bare(err error) error {
	var path *fs.PathError
	var link *os.LinkError
	switch {
	case errors.As(err, &path):
		return path.Err
	case errors.As(err, &link):
		return link.Err
	}
	return err
}

// CheckOutput returns the error that WriteFile would return for a path whose
// format is not known or which cannot be written. It leaves nothing behind.
func CheckOutput(path string) error { return checkOutput(recordingFormats, path) }

func checkOutput[T any](formats []format[T], path string) error {
	if _, err := formatOf(formats, path); err != nil {
		return err
	}
	f, err := Create(path)
	if err != nil {
		return err
	}
	return f.Close()
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
			return nil, fmt.Errorf("write %s: directory %s: %w", path, dir, bare(err))
		}
	}
}
