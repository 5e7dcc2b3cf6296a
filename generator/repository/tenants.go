package repository

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path"
	"slices"
	"strings"

	"github.com/opsgen/opsgen/generator/document"
	"github.com/opsgen/opsgen/generator/tenant"
)

// tenantsFolder holds one folder a tenant, and RemovedFile.
const tenantsFolder = "tenants"

func (r *Repository) loadTenants() error {
	root, err := os.OpenRoot(r.Root)
	if err != nil {
		return fmt.Errorf("open the repository: %w", err)
	}
	defer root.Close() //nolint:errcheck // it was only read
	entries, err := fs.ReadDir(root.FS(), tenantsFolder)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("read %s: %w", tenantsFolder, err)
	}
	r.Removed, err = r.loadRemoved()
	problems := asProblems(err)
	for _, entry := range entries {
		t, found := r.loadTenant(root, entry)
		problems = append(problems, found...)
		if t == nil {
			continue
		}
		problems = append(problems, r.unknownClusters(*t)...)
		problems = append(problems, r.usedID(*t)...)
		if len(found) == 0 {
			r.Tenants = append(r.Tenants, *t)
		}
	}
	return problems.Err()
}

// loadTenant reads one entry of tenants/. The tenant is nil where the entry is none, or its file is no YAML at all.
func (r *Repository) loadTenant(root *os.Root, entry fs.DirEntry) (*Tenant, document.Problems) {
	name, folder := entry.Name(), tenantsFolder+"/"+entry.Name()
	switch {
	case entry.Type().IsRegular(), strings.HasPrefix(name, "."):
		return nil, nil // RemovedFile, a README.md, an editor's folder
	case !entry.IsDir():
		return nil, document.Problems{irregular(folder, entry.Type())}
	}
	if !isThere(root, folder+"/"+tenant.FileName) {
		return nil, noTenant(root, folder)
	}
	if err := tenant.CheckName(name); err != nil {
		return nil, document.Problems{{File: folder, Message: err.Error()}}
	}
	t := &Tenant{Tenant: &tenant.Tenant{Name: name}}
	var problems document.Problems
	var err error
	if t.File, err = r.read(folder+"/"+tenant.FileName, t.Tenant); err != nil {
		problems = asProblems(err)
	} else {
		problems = t.Tenant.Problems(t.File)
	}
	files, found := loadFiles(root, folder)
	t.Files = files
	return t, append(problems, found...)
}

// noTenant says that a folder is not complete. An empty one is nothing: Git knows no empty folders.
func noTenant(root *os.Root, folder string) document.Problems {
	entries, err := fs.ReadDir(root.FS(), folder)
	if err != nil || len(entries) == 0 {
		return nil
	}
	return document.Problems{{
		File: folder, Message: "there is no " + tenant.FileName + " in this folder, so that it is no tenant",
		Hint: "Write one, or make the tenant with `opsgen tenant add`; to remove one, delete all of its folder.",
	}}
}

// unknownClusters finds clusters that a tenant names and that are not there: it would live nowhere, without a word.
func (r *Repository) unknownClusters(t Tenant) document.Problems {
	var problems document.Problems
	if len(r.ClusterNames) == 0 || t.File == nil {
		return nil // that there is none, or no YAML to look at, is said already
	}
	for i, name := range t.Clusters {
		if name == "" || name == tenant.Everywhere || slices.Contains(r.ClusterNames, name) {
			continue
		}
		unknown := unknownCluster(name, r.ClusterNames)
		problems = append(problems, t.File.Problem(fmt.Sprintf("clusters[%d]", i), unknown.Message, unknown.Hint))
	}
	return problems
}

// usedID refuses an ID that another tenant has or had. The threat: a tenant that is made under the name of a removed one,
// by hand or by a copied folder, would read what the other one has written.
func (r *Repository) usedID(t Tenant) document.Problems {
	id := t.DataID()
	if t.File == nil {
		return nil
	}
	for _, other := range r.Tenants {
		if other.DataID() == id {
			return document.Problems{t.File.Problem("id", fmt.Sprintf("the ID %q is that of tenant %s, whose data this one would read and mix with its own", id, other.Name),
				"Write another id, such as the name with a few letters of your choice behind it.")}
		}
	}
	for _, other := range r.Removed {
		if other.ID == id {
			return document.Problems{t.File.Problem("id", fmt.Sprintf("the ID %q belonged to tenant %s, which was removed; this one would read its data", id, other.Name),
				fmt.Sprintf("Write another id, such as %q. If it is meant to have the data, take the entry out of %s.", tenant.NewID(t.Name), RemovedFile))}
		}
	}
	return nil
}

func isThere(root *os.Root, file string) bool {
	_, err := root.Lstat(file)
	return err == nil
}

// irregular refuses what is neither a file nor a folder. The threats: a link brings a file of the machine that renders
// into what is rendered; a pipe stops a render for ever.
func irregular(file string, mode fs.FileMode) document.Problem {
	what := "is not a regular file"
	if mode&fs.ModeSymlink != 0 {
		what = "is a symbolic link"
	}
	return document.Problem{File: path.Clean(file), Message: what, Hint: "Put the file itself there."}
}

// CheckTenant reads a tenant.yaml that is about to be written. The error is document.Problems.
func CheckTenant(name string, text []byte) error {
	t := &tenant.Tenant{Name: name}
	file, err := document.Decode(tenantsFolder+"/"+name+"/"+tenant.FileName, text, t)
	if err != nil {
		return err
	}
	return t.Problems(file).Err()
}
