package diff

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"

	"github.com/opsgen/opsgen/generator/document"
	"github.com/opsgen/opsgen/generator/render"
	"github.com/opsgen/opsgen/generator/revision"
	"github.com/opsgen/opsgen/generator/tree"
)

// Options say what to compare.
type Options struct {
	// History is where revisions are read from.
	History *revision.History
	// Range are the two states.
	Range revision.Range
	// Clusters are the names of the clusters to compare; none means all.
	Clusters []string
	// Usage is what tenants use; nil where nobody knows.
	Usage Usage
	// Render says how to render: the root of the files on disk, the cache, the sources. Its clusters are not looked at.
	Render render.Options
}

// Run compares. Files on disk are rendered. A revision's tree is what it has committed, since that is what Flux applied;
// a revision without a committed tree is rendered too. The error is document.Problems for wrong inputs.
func Run(ctx context.Context, o Options) (*Report, error) {
	old, err := readSide(ctx, o, &o.Range.From)
	if err != nil {
		return nil, err
	}
	current, err := readSide(ctx, o, o.Range.To)
	if err != nil {
		return nil, err
	}
	names := slices.Compact(slices.Sorted(slices.Values(append(slices.Clone(old.clusters), current.clusters...))))
	if err := unknown(o.Clusters, names); err != nil {
		return nil, err
	}
	if len(o.Clusters) > 0 {
		names = slices.Compact(slices.Sorted(slices.Values(o.Clusters)))
	}
	if err := errors.Join(old.load(ctx, names), current.load(ctx, names)); err != nil {
		return nil, err
	}
	report := &Report{
		From: o.Range.From.Name, To: "working tree", Dangers: rangeDangers(old.kubernetes, current.kubernetes),
		Clusters: []Cluster{}, Unchanged: []string{},
	}
	if o.Range.To != nil {
		report.To = o.Range.To.Name
	}
	for _, name := range names {
		trees, err := pairOf(name, old, current)
		if err != nil {
			return nil, err
		}
		cluster, err := Compare(trees, o.Usage)
		if err != nil {
			return nil, err
		}
		if cluster == nil {
			report.Unchanged = append(report.Unchanged, name)
		} else {
			report.Clusters = append(report.Clusters, *cluster)
		}
	}
	return report, nil
}

func unknown(wanted, names []string) error {
	var problems document.Problems
	for _, name := range wanted {
		if !slices.Contains(names, name) {
			problems = append(problems, document.Problem{
				Message: fmt.Sprintf("there is no cluster %q in either state, and no revision of that name", name),
				Hint:    document.Suggest(name, names, "Clusters are: "),
			})
		}
	}
	return problems.Err()
}

// side is one state of the repository.
type side struct {
	options Options
	// at is nil for the files on disk.
	at         *revision.Revision
	clusters   []string
	kubernetes kubernetes
	// committed are the rendered files of a revision by cluster, composed the clusters that were rendered.
	committed map[string][]revision.File
	composed  map[string]render.Composed
}

// readSide lists what there is. It renders nothing yet.
func readSide(ctx context.Context, o Options, at *revision.Revision) (*side, error) {
	s := &side{options: o, at: at, committed: map[string][]revision.File{}, composed: map[string]render.Composed{}}
	if at == nil {
		files, err := filepath.Glob(filepath.Join(o.Render.Root, "clusters", "*", "cluster.yaml"))
		if err != nil {
			return nil, err
		}
		for _, file := range files {
			s.clusters = append(s.clusters, filepath.Base(filepath.Dir(file)))
		}
		text, err := os.ReadFile(filepath.Join(o.Render.Root, "versions.yaml"))
		if err != nil {
			return nil, fmt.Errorf("read versions.yaml: %w", err)
		}
		s.kubernetes = readKubernetes(text)
		return s, nil
	}
	files, err := o.History.Files(ctx, *at, "clusters", "versions.yaml")
	if err != nil {
		return nil, err
	}
	for _, file := range files {
		if file.Path == "versions.yaml" {
			texts, err := o.History.Read(ctx, []string{file.Blob})
			if err != nil {
				return nil, err
			}
			s.kubernetes = readKubernetes(texts[file.Blob])
		}
		parts := strings.SplitN(file.Path, "/", 4)
		switch {
		case len(parts) == 3 && parts[2] == "cluster.yaml":
			s.clusters = append(s.clusters, parts[1])
		case len(parts) == 4 && parts[2] == "rendered" && path.Base(parts[3]) != tree.IndexName && !file.Link:
			file.Path = parts[3]
			s.committed[parts[1]] = append(s.committed[parts[1]], file)
		}
	}
	return s, nil
}

// load renders the clusters that have no committed tree.
func (s *side) load(ctx context.Context, names []string) error {
	var missing []string
	for _, name := range names {
		if slices.Contains(s.clusters, name) && len(s.committed[name]) == 0 {
			missing = append(missing, name)
		}
	}
	if len(missing) == 0 {
		return nil
	}
	options := s.options.Render
	options.Clusters = missing
	if s.at != nil {
		dir, err := os.MkdirTemp("", "opsgen-revision-")
		if err != nil {
			return fmt.Errorf("make a folder for %s: %w", s.at.Name, err)
		}
		defer os.RemoveAll(dir)
		if err := s.options.History.Export(ctx, *s.at, dir, isInput); err != nil {
			return fmt.Errorf("write the inputs of %s: %w", s.at.Name, err)
		}
		options.Root = dir
		options.Progress.Line("reading", "%s has no rendered files for %s, and is rendered", s.at.Name, strings.Join(missing, ", "))
	}
	composed, err := render.Compose(ctx, options)
	switch {
	case err != nil && ctx.Err() == nil && s.at != nil:
		return fmt.Errorf("%s has no rendered files for %s, and cannot be rendered by this opsgen:\n%v", s.at.Name, strings.Join(missing, ", "), err) //nolint:errorlint // its places are in another revision
	case err != nil:
		return err
	}
	for _, c := range composed {
		s.composed[c.Cluster] = c
	}
	return nil
}

// isInput says that rendering may read a file.
func isInput(file string) bool {
	parts := strings.SplitN(file, "/", 4)
	switch parts[0] {
	case "versions.yaml", "bases", "overlays", "tenants":
		return true
	case "clusters":
		return len(parts) < 4 || parts[2] != "rendered"
	default:
		return false
	}
}

// pairOf makes the two trees of a cluster, with sums of the same kind: Git's where both are committed, otherwise those of
// the content.
func pairOf(name string, old, current *side) (Trees, error) {
	byBlob := len(old.committed[name]) > 0 && len(current.committed[name]) > 0
	before, err := old.tree(name, byBlob)
	if err != nil {
		return Trees{}, err
	}
	after, err := current.tree(name, byBlob)
	return Trees{Name: name, Old: before, New: after}, err
}

func (s *side) tree(name string, byBlob bool) (*Tree, error) {
	if !slices.Contains(s.clusters, name) {
		return nil, nil
	}
	if composed, ok := s.composed[name]; ok {
		return composedTree(composed), nil
	}
	blobs := map[string]string{}
	t := &Tree{Sums: blobs, Read: func(files []string) (map[string][]byte, error) { return s.contents(blobs, files) }}
	all := make([]string, 0, len(s.committed[name]))
	for _, file := range s.committed[name] {
		blobs[file.Path] = file.Blob
		all = append(all, file.Path)
	}
	if byBlob {
		return t, nil
	}
	// The indexes name the sums too, but what Flux applied are the files.
	contents, err := s.contents(blobs, all)
	if err != nil {
		return nil, err
	}
	sums := map[string]string{}
	for file, content := range contents {
		sums[file] = tree.Sum(content)
	}
	t.Sums = sums
	return t, nil
}

func (s *side) contents(blobs map[string]string, files []string) (map[string][]byte, error) {
	wanted := make([]string, 0, len(files))
	for _, file := range files {
		wanted = append(wanted, blobs[file])
	}
	texts, err := s.options.History.Read(context.Background(), wanted)
	if err != nil {
		return nil, err
	}
	contents := make(map[string][]byte, len(files))
	for _, file := range files {
		contents[file] = texts[blobs[file]]
	}
	return contents, nil
}

func composedTree(c render.Composed) *Tree {
	t := &Tree{Sums: map[string]string{}}
	folders := map[string]tree.Folder{}
	for _, folder := range c.Folders {
		folders[folder.Path] = folder
		for file, sum := range folder.Files {
			t.Sums[path.Join(folder.Path, file)] = sum
		}
	}
	t.Read = func(files []string) (map[string][]byte, error) {
		contents, read := map[string][]byte{}, map[string]map[string][]byte{}
		for _, file := range files {
			dir := path.Dir(file)
			if read[dir] == nil {
				texts, err := folders[dir].Content()
				if err != nil {
					return nil, err
				}
				read[dir] = texts
			}
			contents[file] = read[dir][path.Base(file)]
		}
		return contents, nil
	}
	return t
}
