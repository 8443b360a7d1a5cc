package main

import (
	"context"
	"fmt"
	"regexp"

	"github.com/hashicorp/terraform-plugin-framework/schema/validator"
)

var namePattern = regexp.MustCompile(`^[a-z]([a-z0-9-]{0,38}[a-z0-9])?$`)

// isName refuses before anything is ordered what can't be a node's, a folder's or a network's name.
type isName struct{}

func (isName) Description(context.Context) string {
	return "lower-case letters, digits and hyphens, 40 at most, a letter first"
}
func (v isName) MarkdownDescription(ctx context.Context) string { return v.Description(ctx) }
func (v isName) ValidateString(ctx context.Context, req validator.StringRequest, resp *validator.StringResponse) {
	if req.ConfigValue.IsNull() || req.ConfigValue.IsUnknown() || namePattern.MatchString(req.ConfigValue.ValueString()) {
		return
	}
	resp.Diagnostics.AddAttributeError(req.Path, fmt.Sprintf("%q can't be a name", req.ConfigValue.ValueString()),
		"Use "+v.Description(ctx)+".")
}

// positive refuses sizes of zero or less.
type positive struct{}

func (positive) Description(context.Context) string               { return "more than zero" }
func (v positive) MarkdownDescription(ctx context.Context) string { return v.Description(ctx) }
func (v positive) ValidateFloat64(ctx context.Context, req validator.Float64Request, resp *validator.Float64Response) {
	if req.ConfigValue.IsNull() || req.ConfigValue.IsUnknown() || req.ConfigValue.ValueFloat64() > 0 {
		return
	}
	resp.Diagnostics.AddAttributeError(req.Path, fmt.Sprintf("%s is %v", req.Path, req.ConfigValue.ValueFloat64()),
		"It must be "+v.Description(ctx)+".")
}

// port refuses numbers that no listener can have.
type port struct{}

func (port) Description(context.Context) string               { return "between 1 and 65535" }
func (v port) MarkdownDescription(ctx context.Context) string { return v.Description(ctx) }
func (v port) ValidateInt64(ctx context.Context, req validator.Int64Request, resp *validator.Int64Response) {
	if req.ConfigValue.IsNull() || req.ConfigValue.IsUnknown() {
		return
	}
	if number := req.ConfigValue.ValueInt64(); number < 1 || number > 65535 {
		resp.Diagnostics.AddAttributeError(req.Path, fmt.Sprintf("%d is not a port", number), "A port is "+v.Description(ctx)+".")
	}
}
