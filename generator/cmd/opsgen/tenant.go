package main

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/spf13/cobra"
	"golang.org/x/term"

	"github.com/opsgen/opsgen/generator/document"
	"github.com/opsgen/opsgen/generator/repository"
	"github.com/opsgen/opsgen/generator/tenant"
)

// newTenantCommand groups what adds, shows and removes tenants.
func newTenantCommand(a *app) *cobra.Command {
	cmd := &cobra.Command{
		Use:   "tenant COMMAND",
		Short: "Add, show, import and remove tenants",
		Long: `A tenant is one team: a folder of tenants/ with its limits, rules, alerting and dashboards. It is added, changed and
removed by pull request; these commands write the files and explain them. docs/tenants.md tells the whole story.`,
		Example: `  opsgen tenant add payments --owner @acme/payments --clusters prod
  opsgen tenant list
  opsgen tenant show payments`,
		Args: cobra.ArbitraryArgs,
		RunE: func(cmd *cobra.Command, words []string) error {
			if len(words) > 0 {
				return unknownCommand(cmd, words[0])
			}
			return cmd.Help()
		},
	}
	cmd.AddCommand(newTenantAddCommand(a), newTenantListCommand(a), newTenantShowCommand(a), newTenantRemoveCommand(a),
		newTenantErasedCommand(a), newTenantImportCommand(a))
	return cmd
}

// findTenant loads the repository with a tenant in it, or says which one was meant.
func (a *app) findTenant(name string) (*repository.Repository, *repository.Tenant, error) {
	repo, err := a.loadRepository(nil)
	if err != nil {
		return nil, nil, err
	}
	names := make([]string, len(repo.Tenants))
	for i := range repo.Tenants {
		if names[i] = repo.Tenants[i].Name; names[i] == name {
			return repo, &repo.Tenants[i], nil
		}
	}
	return nil, nil, document.Problems{{
		Message: fmt.Sprintf("there is no tenant %q: tenants/%s/tenant.yaml does not exist", name, name),
		Hint:    document.Suggest(name, names, "Tenants are: "),
	}}
}

// clustersOf are the clusters that a tenant lives on.
func clustersOf(repo *repository.Repository, t *tenant.Tenant) []repository.Cluster {
	var on []repository.Cluster
	for _, c := range repo.Clusters {
		if t.On(c.Name) {
			on = append(on, c)
		}
	}
	return on
}

// onTerminal says whether somebody can be asked.
func onTerminal(in io.Reader) bool {
	file, ok := in.(*os.File)
	return ok && term.IsTerminal(int(file.Fd()))
}

// writeFolder makes a new folder with files, all of them or none: it is written beside its place and then renamed.
func writeFolder(root, folder string, files map[string]string) error {
	target := filepath.Join(root, filepath.FromSlash(folder))
	if _, err := os.Lstat(target); err == nil {
		return usage("%s exists already; edit it, or choose another name", folder)
	}
	if err := os.MkdirAll(filepath.Dir(target), 0o755); err != nil {
		return cannotWrite(folder, err)
	}
	// A name with a dot is nobody's tenant, should the program be killed now.
	temporary, err := os.MkdirTemp(filepath.Dir(target), "."+filepath.Base(target)+"-")
	if err != nil {
		return cannotWrite(folder, err)
	}
	defer os.RemoveAll(temporary) //nolint:errcheck // after the rename there is nothing left
	err = os.Chmod(temporary, 0o755)
	for _, name := range slices.Sorted(maps.Keys(files)) {
		if err != nil {
			break
		}
		full := filepath.Join(temporary, filepath.FromSlash(name))
		if err = os.MkdirAll(filepath.Dir(full), 0o755); err == nil {
			err = writeExclusive(full, files[name])
		}
	}
	if err == nil {
		err = os.Rename(temporary, target)
	}
	return cannotWrite(folder, err)
}

// replaceFile writes a file of the repository anew: the old text stays until the new one is complete.
func replaceFile(root, name, text string) error {
	full := filepath.Join(root, filepath.FromSlash(name))
	temporary, err := os.CreateTemp(filepath.Dir(full), "."+filepath.Base(full)+"-")
	if err != nil {
		return cannotWrite(name, err)
	}
	defer os.Remove(temporary.Name()) //nolint:errcheck // after the rename there is nothing left
	_, err = temporary.WriteString(text)
	err = errors.Join(err, temporary.Chmod(0o644), temporary.Close())
	if err == nil {
		err = os.Rename(temporary.Name(), full)
	}
	return cannotWrite(name, err)
}

func cannotWrite(name string, err error) error {
	var inFile *fs.PathError
	switch {
	case err == nil:
		return nil
	case errors.As(err, &inFile):
		return fmt.Errorf("%s cannot be written: %w", name, inFile.Err)
	default:
		return fmt.Errorf("%s cannot be written: %w", name, err)
	}
}

// sentenceOf joins words as a sentence does: "a, b and c".
func sentenceOf(words []string) string {
	if len(words) < 2 {
		return strings.Join(words, "")
	}
	return strings.Join(words[:len(words)-1], ", ") + " and " + words[len(words)-1]
}
