package main

import (
	"context"

	"github.com/hashicorp/terraform-plugin-framework/attr"
	"github.com/hashicorp/terraform-plugin-framework/resource"
	"github.com/hashicorp/terraform-plugin-framework/resource/schema"
	"github.com/hashicorp/terraform-plugin-framework/resource/schema/booldefault"
	"github.com/hashicorp/terraform-plugin-framework/resource/schema/boolplanmodifier"
	"github.com/hashicorp/terraform-plugin-framework/resource/schema/int64default"
	"github.com/hashicorp/terraform-plugin-framework/resource/schema/int64planmodifier"
	"github.com/hashicorp/terraform-plugin-framework/resource/schema/mapdefault"
	"github.com/hashicorp/terraform-plugin-framework/resource/schema/planmodifier"
	"github.com/hashicorp/terraform-plugin-framework/resource/schema/setdefault"
	"github.com/hashicorp/terraform-plugin-framework/resource/schema/stringdefault"
	"github.com/hashicorp/terraform-plugin-framework/resource/schema/stringplanmodifier"
	"github.com/hashicorp/terraform-plugin-framework/schema/validator"
	"github.com/hashicorp/terraform-plugin-framework/types"
)

const replaced = "Another number of GPUs is another machine."

// States of before GPUs were known say nothing of them: no reason to replace anything.
func isKnown(_ context.Context, req planmodifier.Int64Request, resp *int64planmodifier.RequiresReplaceIfFuncResponse) {
	resp.RequiresReplace = !req.StateValue.IsNull()
}

func (m *machine) Schema(_ context.Context, _ resource.SchemaRequest, resp *resource.SchemaResponse) {
	fixedName := schema.StringAttribute{
		Required: true, Validators: []validator.String{isName{}},
		PlanModifiers: []planmodifier.String{stringplanmodifier.RequiresReplace()},
	}
	resp.Schema = schema.Schema{
		Description: "A Kubernetes node on this computer, with cores, memory, role and taints of its own.",
		Attributes: map[string]schema.Attribute{
			"cluster":   fixedName,
			"name":      fixedName,
			"cores":     schema.Float64Attribute{Required: true, Validators: []validator.Float64{positive{}}},
			"memory_gb": schema.Float64Attribute{Required: true, Validators: []validator.Float64{positive{}}},
			"role":      schema.StringAttribute{Required: true, Description: "Becomes the node label omegaml.io/role."},
			"labels": schema.MapAttribute{
				ElementType: types.StringType, Optional: true, Computed: true,
				Default: mapdefault.StaticValue(types.MapValueMust(types.StringType, map[string]attr.Value{})),
			},
			"taints": schema.SetNestedAttribute{
				Optional: true, Computed: true,
				Default: setdefault.StaticValue(types.SetValueMust(taintType, []attr.Value{})),
				NestedObject: schema.NestedAttributeObject{Attributes: map[string]schema.Attribute{
					"key":    schema.StringAttribute{Required: true},
					"value":  schema.StringAttribute{Optional: true, Computed: true, Default: stringdefault.StaticString("")},
					"effect": schema.StringAttribute{Required: true, Description: "NoSchedule, PreferNoSchedule or NoExecute."},
				}},
			},
			"simulated": schema.BoolAttribute{
				Optional: true, Computed: true, Default: booldefault.StaticBool(false),
				Description:   "A node that only says it runs pods (kwok), for tests of scale.",
				PlanModifiers: []planmodifier.Bool{boolplanmodifier.RequiresReplace()},
			},
			"gpu": schema.Int64Attribute{
				Optional: true, Computed: true, Default: int64default.StaticInt64(0),
				Description:   "GPUs that a simulated node says it has.",
				PlanModifiers: []planmodifier.Int64{int64planmodifier.RequiresReplaceIf(isKnown, replaced, replaced)},
			},
			"address": schema.StringAttribute{Computed: true},
			"state":   schema.StringAttribute{Computed: true, Description: "creating, ready, failed or removing."},
		},
	}
}
