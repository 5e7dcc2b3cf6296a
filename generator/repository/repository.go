package repository

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"

	"github.com/opsgen/opsgen/generator/bundle"
	"github.com/opsgen/opsgen/generator/cluster"
	"github.com/opsgen/opsgen/generator/component"
	"github.com/opsgen/opsgen/generator/document"
	"github.com/opsgen/opsgen/generator/tenant"
)

// Repository is everything that people write, read from disk.
type Repository struct {
	// Root is the repository's folder.
	Root string
	// Bundle is versions.yaml.
	Bundle *bundle.Bundle
	// BundleFile knows where things stand in versions.yaml.
	BundleFile *document.Document
	// Components are the folders of bases/ by name.
	Components map[string]*component.Component
	// Clusters are the folders of clusters/ that were asked for, sorted by name, with defaults.
	Clusters []Cluster
	// ClusterNames are all folders of clusters/, sorted.
	ClusterNames []string
	// Tenants are the folders of tenants/, sorted by name, as written.
	Tenants []Tenant
	// Removed are the entries of RemovedFile.
	Removed []Removed
}

// Cluster is a cluster and its file.
type Cluster struct {
	*cluster.Cluster
	File *document.Document
	// Keys are the files of keys/ by name, jwks.json and revocations.yaml: whose tokens the cluster's front door takes.
	// Only files that are there are in it; nil when the cluster has no keys.
	Keys map[string]string
}

// Tenant is a tenant and its file.
type Tenant struct {
	*tenant.Tenant
	File *document.Document
}

// FindRoot is the nearest folder at or above dir that holds versions.yaml and bases/.
func FindRoot(dir string) (string, error) {
	start, err := filepath.Abs(dir)
	if err != nil {
		return "", err
	}
	for folder := start; ; folder = filepath.Dir(folder) {
		_, errBundle := os.Stat(filepath.Join(folder, "versions.yaml"))
		_, errBases := os.Stat(filepath.Join(folder, "bases"))
		if errBundle == nil && errBases == nil {
			return folder, nil
		}
		if folder == filepath.Dir(folder) {
			return "", document.Problems{{
				Message: start + " is not inside an opsgen repository: no folder at or above it holds versions.yaml and bases/",
				Hint:    "Change into your clone, or name it with --root.",
			}}
		}
	}
}

// Load reads the repository with the named clusters, all of them when none is named. The error is document.Problems
// for everything that a person can mend.
func Load(root string, clusters []string) (*Repository, error) {
	r := &Repository{Root: root}
	var problems document.Problems
	for _, load := range []func() error{
		r.loadBundle, r.loadComponents, func() error { return r.loadClusters(clusters) }, r.loadTenants,
	} {
		var found document.Problems
		switch err := load(); {
		case errors.As(err, &found):
			problems = append(problems, found...)
		case err != nil:
			return nil, err
		}
	}
	return r, problems.Err()
}

// LoadBundle reads versions.yaml alone.
func LoadBundle(root string) (*Repository, error) {
	r := &Repository{Root: root}
	return r, r.loadBundle()
}

func (r *Repository) loadBundle() error {
	r.Bundle = &bundle.Bundle{}
	var err error
	if r.BundleFile, err = r.read("versions.yaml", r.Bundle); err != nil {
		return err
	}
	return r.Bundle.Problems(r.BundleFile).Err()
}

func (r *Repository) loadClusters(wanted []string) error {
	names, err := r.folders("clusters", "cluster.yaml")
	if err != nil {
		return err
	}
	r.ClusterNames = names
	if len(wanted) == 0 {
		wanted = names
	}
	var problems document.Problems
	for _, name := range slices.Compact(slices.Sorted(slices.Values(wanted))) {
		if !slices.Contains(names, name) {
			problems = append(problems, unknownCluster(name, names))
			continue
		}
		c := Cluster{Cluster: &cluster.Cluster{Name: name}}
		if c.File, err = r.read("clusters/"+name+"/cluster.yaml", c.Cluster); err != nil {
			problems = append(problems, asProblems(err)...)
			continue
		}
		c.SetDefaults(r.Bundle.Kubernetes.Maximum)
		if c.Keys, err = r.loadKeys(name); err != nil {
			problems = append(problems, asProblems(err)...)
		}
		r.Clusters = append(r.Clusters, c)
	}
	if len(names) == 0 {
		problems = append(problems, document.Problem{
			Message: "there is no cluster: no folder of clusters/ holds a cluster.yaml", Hint: "Write one with `opsgen init NAME`.",
		})
	}
	return problems.Err()
}

func unknownCluster(name string, names []string) document.Problem {
	return document.Problem{
		Message: fmt.Sprintf("there is no cluster %q: clusters/%s/cluster.yaml does not exist", name, name),
		Hint:    document.Suggest(name, names, "Clusters are: "),
	}
}

// read decodes one file of the repository.
func (r *Repository) read(file string, into any) (*document.Document, error) {
	data, err := r.text(file)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, document.Problems{{File: file, Message: "the file does not exist"}}
	}
	if err != nil {
		return nil, document.Problems{{File: file, Message: "cannot be read: " + reason(err)}}
	}
	return document.Decode(file, data, into)
}

// text reads a file of the repository. A link that leads out of it is refused: a pull request must not bring a file of the
// machine that renders it into the result, or into a message.
func (r *Repository) text(file string) ([]byte, error) {
	root, err := os.OpenRoot(r.Root)
	if err != nil {
		return nil, err
	}
	defer root.Close() //nolint:errcheck // it was only read
	// Threat: a pipe in the place of a file, which would be waited for for ever.
	if info, err := root.Stat(filepath.FromSlash(file)); err == nil && !info.Mode().IsRegular() && !info.IsDir() {
		return nil, errors.New("it is not a regular file")
	}
	return root.ReadFile(filepath.FromSlash(file))
}

// folders are the names of the folders in dir that hold the file, sorted.
func (r *Repository) folders(dir, file string) ([]string, error) {
	entries, err := os.ReadDir(filepath.Join(r.Root, dir))
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("read %s: %w", dir, err)
	}
	var names []string
	for _, entry := range entries {
		if _, err := os.Stat(filepath.Join(r.Root, dir, entry.Name(), file)); err == nil {
			names = append(names, entry.Name())
		}
	}
	return names, nil
}

// reason is the system's part of a file error, without the path that is named already.
func reason(err error) string {
	var pathError *fs.PathError
	if errors.As(err, &pathError) {
		return pathError.Err.Error()
	}
	return err.Error()
}

func asProblems(err error) document.Problems {
	var problems document.Problems
	if err == nil || errors.As(err, &problems) {
		return problems
	}
	return document.Problems{{Message: err.Error()}}
}
