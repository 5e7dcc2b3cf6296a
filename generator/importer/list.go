package importer

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
)

// Bounds of what is read: a chart with all of its dashboards is far below them.
const (
	maxInput  = 16 << 20
	maxInputs = 20_000
)

// input is one file to read.
type input struct{ name, shown string }

// list finds the files of paths. Of a folder, all YAML and JSON files are read, but for hidden ones; links are not
// followed: what is imported ends in Git, and must be what the user pointed at.
func (r *reader) list(ctx context.Context, root string, paths []string) ([]input, error) {
	var files []input
	for _, given := range paths {
		full := given
		if !filepath.IsAbs(full) {
			full = filepath.Join(root, given)
		}
		info, err := os.Stat(full)
		if err != nil {
			return nil, cannotRead(given, err)
		}
		if !info.IsDir() {
			files = append(files, input{full, filepath.ToSlash(given)})
			continue
		}
		if files, err = r.walk(ctx, files, given, full); err != nil {
			return nil, cannotRead(given, err)
		}
	}
	return files, nil
}

// walk adds the files of a folder, which messages call given.
func (r *reader) walk(ctx context.Context, files []input, given, full string) ([]input, error) {
	err := filepath.WalkDir(full, func(name string, entry fs.DirEntry, err error) error {
		if err != nil || ctx.Err() != nil {
			return errors.Join(err, ctx.Err())
		}
		if name != full && strings.HasPrefix(entry.Name(), ".") {
			if entry.IsDir() {
				return fs.SkipDir
			}
			return nil
		}
		rel, err := filepath.Rel(full, name)
		if err != nil || entry.IsDir() {
			return err
		}
		shown := filepath.ToSlash(filepath.Join(given, rel))
		switch ending := strings.ToLower(filepath.Ext(name)); {
		case !slices.Contains([]string{".yaml", ".yml", ".json", ".tmpl"}, ending):
		case !entry.Type().IsRegular():
			r.leave(shown, "it is not a regular file, and links are not followed")
		case len(files) >= maxInputs:
			return fmt.Errorf("%s has more than %d files; import its folders one by one", given, maxInputs)
		default:
			files = append(files, input{name, shown})
		}
		return nil
	})
	return files, err
}

func cannotRead(given string, err error) error {
	var inFile *fs.PathError
	if errors.As(err, &inFile) {
		return fmt.Errorf("%s cannot be read: %w", given, inFile.Err)
	}
	return err
}
