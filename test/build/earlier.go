package build

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
)

// earlierFlags are the flags that build a release before the one that a folder requires. Its go.mod is a copy in dir with
// that one version changed: the libraries stay those of the folder. Go completes the copy's sums, and checks them against
// the checksum database.
func earlierFlags(ctx context.Context, b Binary, folder, dir string) ([]string, error) {
	for _, name := range []string{"go.mod", "go.sum"} {
		data, err := os.ReadFile(filepath.Join(folder, name))
		if err != nil {
			return nil, fmt.Errorf("copying the requirements of %s: %w", b.Name, err)
		}
		if err := os.WriteFile(filepath.Join(dir, name), data, 0o600); err != nil {
			return nil, fmt.Errorf("copying the requirements of %s: %w", b.Name, err)
		}
	}
	file := filepath.Join(dir, "go.mod")
	edit := exec.CommandContext(ctx, "go", "mod", "edit", "-require="+b.Module+"@"+b.Earlier, file)
	edit.Env = append(os.Environ(), environment(b)...)
	if out, err := edit.CombinedOutput(); err != nil {
		return nil, fmt.Errorf("%s: %w: %s", strings.Join(edit.Args, " "), err, out)
	}
	return []string{"-mod=mod", "-modfile=" + file}, nil
}
