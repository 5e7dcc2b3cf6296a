package aws

import (
	"context"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/eks/types"
	"github.com/aws/aws-sdk-go-v2/service/ssm"

	"github.com/opsgen/opsgen/bootstrap/provider"
)

// nodeImage is the kind of EKS' images that nodes run.
const nodeImage = types.AMITypesAl2023Arm64Standard

// releaseParameter is where AWS publishes the newest release of that image for a version of Kubernetes (EKS user guide,
// "Retrieve recommended Amazon Linux AMI IDs").
const releaseParameter = "/aws/service/eks/optimized-ami/%s/amazon-linux-2023/arm64/standard/recommended/release_version"

// nodeRelease is the release that cluster.yaml asks for; nil for the newest one.
func (a *amazon) nodeRelease() *string {
	if a.Cluster.Provider.NodeRelease == "" {
		return nil
	}
	return &a.Cluster.Provider.NodeRelease
}

// olderRelease compares releases ("1.35.6-20260728") by version, then by date. One that cannot be read is older than none.
func olderRelease(have, want string) bool {
	a, b := releaseParts(have), releaseParts(want)
	return len(a) > 0 && len(b) > 0 && slices.Compare(a, b) < 0
}

func releaseParts(release string) []int {
	words := strings.FieldsFunc(release, func(r rune) bool { return r == '.' || r == '-' })
	parts := make([]int, len(words))
	for i, word := range words {
		n, err := strconv.Atoi(word)
		if err != nil {
			return nil
		}
		parts[i] = n
	}
	return parts
}

// checkRelease says which nodes do not run the newest release of their image. What changes in a cluster follows from
// cluster.yaml, so that they are only named: who wants them changed, writes so.
func (a *amazon) checkRelease(ctx context.Context, groups map[string]*types.Nodegroup) []provider.Check {
	if len(groups) == 0 {
		return nil
	}
	check, written := provider.Check{Name: "node release", Detail: "the newest one", Warning: true}, a.Cluster.Provider.NodeRelease
	answer, err := a.ssm.GetParameter(ctx, &ssm.GetParameterInput{Name: aws.String(fmt.Sprintf(releaseParameter, a.Cluster.Kubernetes))})
	if err != nil || answer.Parameter == nil {
		check.Problem, check.Hint = fmt.Sprintf("the newest release of the nodes' image cannot be looked at: %v", err),
			"The right ssm:GetParameter is enough for it. Nothing else depends on it."
		return []provider.Check{check}
	}
	newest := aws.ToString(answer.Parameter.Value)
	var old, newer []string
	for _, zone := range a.Cluster.Provider.Zones {
		group := groups[zone]
		if group == nil || aws.ToString(group.Version) != a.Cluster.Kubernetes {
			continue // an upgrade of Kubernetes brings a release along
		}
		release := aws.ToString(group.ReleaseVersion)
		text := zone + " (" + release + ")"
		switch {
		case written != "" && olderRelease(written, release):
			newer = append(newer, text)
		case olderRelease(release, newest):
			old = append(old, text)
		}
	}
	switch {
	case len(newer) > 0:
		check.Problem = fmt.Sprintf("cluster.yaml asks for release %s of the nodes' image, and there is a newer one in %s", written, strings.Join(newer, ", "))
		check.Hint = "EKS does not go back. Write the newer one as provider.nodeRelease, so that all nodes are alike."
	case len(old) > 0 && written == newest:
		check.Warning, check.Detail = false, fmt.Sprintf("%s in %s, once up has run", newest, strings.Join(old, ", "))
	case len(old) > 0:
		check.Problem = fmt.Sprintf("there is release %s of the nodes' image, and an older one in %s", newest, strings.Join(old, ", "))
		check.Hint = fmt.Sprintf("Write nodeRelease: %s below provider in cluster.yaml, and run up: nodes change one zone after the other.", newest)
	}
	return []provider.Check{check}
}
