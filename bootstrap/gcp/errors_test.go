package gcp

import (
	"regexp"
	"slices"
	"strings"
	"testing"

	"google.golang.org/genproto/googleapis/api/error_reason"
	"google.golang.org/genproto/googleapis/rpc/code"
)

// prose are codes that Google lists in pages only, where no machine reads them, by page. Everything else must be a status, a
// reason of google.api.ErrorReason, or a code that a discovery document lists.
func prose() map[string]string {
	return map[string]string{
		"Compute Engine, API error messages; Cloud DNS and Cloud Storage, status and error codes": `rateLimitExceeded userRateLimitExceeded backendError internalError
			resourceInUseByAnotherResource resourceNotReady alreadyExists notFound accessNotConfigured authError forbidden insufficientPermissions
			quotaExceeded limitExceeded dailyLimitExceeded accountDisabled containerNotEmpty operationInProgress orgPolicyViolation`,
		"Compute Engine, errors of operations": `RESOURCE_IN_USE_BY_ANOTHER_RESOURCE RESOURCE_NOT_READY RESOURCE_OPERATION_RATE_EXCEEDED RESOURCE_ALREADY_EXISTS
			RESOURCE_NOT_FOUND INTERNAL_ERROR QUOTA_EXCEEDED ZONE_RESOURCE_POOL_EXHAUSTED ZONE_RESOURCE_POOL_EXHAUSTED_WITH_DETAILS`,
		"GKE, troubleshooting":                     `CLUSTER_ALREADY_HAS_OPERATION QUOTA_FOR_INSTANCES`,
		"Service Usage, troubleshooting":           `UREQ_PROJECT_BILLING_NOT_FOUND`,
		"RFC 6749, 5.2 (answers of token servers)": `invalid_grant`,
	}
}

// TestEveryCodeThatDecidesIsGoogles: a code that is misspelt would never be met, and its error be taken for another.
func TestEveryCodeThatDecidesIsGoogles(t *testing.T) {
	listed := readDiscovery(t)["container.googleapis.com"].Schemas["StatusCondition"].Properties["code"].Enum
	told := map[string]bool{}
	for _, codes := range prose() {
		for name := range strings.FieldsSeq(codes) {
			told[name] = true
		}
	}
	used := map[string]bool{}
	for name := range classes() {
		used[name] = true
	}
	for name := range hints() {
		if used[name] {
			t.Errorf("%s is both a refusal and something that passes", name)
		}
		used[name] = true
	}
	for name := range used {
		_, status := code.Code_value[name]
		_, reason := error_reason.ErrorReason_value[name]
		known := status || reason || slices.Contains(listed, name)
		switch {
		case known && told[name]:
			t.Errorf("%s need not be listed by hand", name)
		case !known && !told[name]:
			t.Errorf("%s is in none of Google's lists", name)
		}
		delete(told, name)
	}
	for name := range told {
		t.Errorf("%s decides nothing", name)
	}
	for _, each := range []*regexp.Regexp{constraint, shortOf, missing, outOf} {
		if each.MatchString("") {
			t.Errorf("%s fits everything", each)
		}
	}
}
