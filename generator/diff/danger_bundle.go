package diff

import (
	"fmt"
	"strconv"
	"strings"
)

// kubernetes is the range of Kubernetes minors that a bundle is made for.
type kubernetes struct{ minimum, maximum string }

// readKubernetes reads the range from versions.yaml, as far as it can be read: a wrong file is another command's matter.
func readKubernetes(text []byte) kubernetes {
	value, err := decode(text)
	if err != nil {
		return kubernetes{}
	}
	minimum, _ := at(value, "kubernetes", "minimum").(string)
	maximum, _ := at(value, "kubernetes", "maximum").(string)
	return kubernetes{minimum, maximum}
}

// rangeDangers finds minors that the bundle no longer is made for.
func rangeDangers(old, current kubernetes) []Danger {
	dangers := []Danger{}
	was, is := fmt.Sprintf("%s to %s", old.minimum, old.maximum), fmt.Sprintf("%s to %s", current.minimum, current.maximum)
	add := func(message string) {
		dangers = append(dangers, Danger{Rule: kubernetesRange, Effect: compatibility, Objects: []string{"versions.yaml"}, Message: message})
	}
	if minor(current.minimum) > minor(old.minimum) && minor(old.minimum) > 0 {
		add(fmt.Sprintf("the range of Kubernetes moves from %s to %s: upgrade every cluster below %s first.", was, is, current.minimum))
	}
	if minor(current.maximum) < minor(old.maximum) && minor(current.maximum) > 0 {
		add(fmt.Sprintf("the range of Kubernetes moves from %s to %s: clusters above %s are not supported any more.", was, is, current.maximum))
	}
	return dangers
}

// minor is the second number of "1.36"; 0 when there is none.
func minor(version string) int {
	_, text, _ := strings.Cut(version, ".")
	n, err := strconv.Atoi(text)
	if err != nil {
		return 0
	}
	return n
}
