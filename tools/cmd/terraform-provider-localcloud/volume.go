package main

import (
	"context"
	"net/url"

	"github.com/hashicorp/terraform-plugin-framework/path"
	"github.com/hashicorp/terraform-plugin-framework/resource"
	"github.com/hashicorp/terraform-plugin-framework/resource/schema"
	"github.com/hashicorp/terraform-plugin-framework/resource/schema/planmodifier"
	"github.com/hashicorp/terraform-plugin-framework/resource/schema/stringplanmodifier"
	"github.com/hashicorp/terraform-plugin-framework/schema/validator"
	"github.com/hashicorp/terraform-plugin-framework/types"
)

// volume is a folder by name that outlives clusters. Its size is a promise, not enforced.
type volume struct{ base }

func newVolume() resource.Resource { return &volume{} }

type volumeModel struct {
	Name   types.String  `tfsdk:"name"`
	SizeGB types.Float64 `tfsdk:"size_gb"`
	Path   types.String  `tfsdk:"path"`
}

type volumeBody struct {
	Name   string  `json:"name,omitempty"`
	SizeGB float64 `json:"sizeGb"`
	Path   string  `json:"path,omitempty"`
}

func volumePath(name string) string { return "/v1/volumes/" + url.PathEscape(name) }

func (v *volume) Metadata(_ context.Context, _ resource.MetadataRequest, resp *resource.MetadataResponse) {
	resp.TypeName = "localcloud_volume"
}

func (v *volume) Schema(_ context.Context, _ resource.SchemaRequest, resp *resource.SchemaResponse) {
	resp.Schema = schema.Schema{
		Description: "A named folder on this computer, seen by every machine of a cluster that uses it.",
		Attributes: map[string]schema.Attribute{
			"name": schema.StringAttribute{
				Required: true, Validators: []validator.String{isName{}},
				PlanModifiers: []planmodifier.String{stringplanmodifier.RequiresReplace()},
			},
			"size_gb": schema.Float64Attribute{Required: true, Validators: []validator.Float64{positive{}}},
			"path":    schema.StringAttribute{Computed: true, Description: "Where the machines see it."},
		},
	}
}

func (v *volume) Create(ctx context.Context, req resource.CreateRequest, resp *resource.CreateResponse) {
	var wanted volumeModel
	resp.Diagnostics.Append(req.Plan.Get(ctx, &wanted)...)
	if resp.Diagnostics.HasError() {
		return
	}
	made, err := v.order(ctx, wanted)
	if err != nil {
		resp.Diagnostics.AddError("volume "+wanted.Name.ValueString()+" could not be made", err.Error())
		return
	}
	resp.Diagnostics.Append(resp.State.Set(ctx, made)...)
}

func (v *volume) Read(ctx context.Context, req resource.ReadRequest, resp *resource.ReadResponse) {
	var known volumeModel
	resp.Diagnostics.Append(req.State.Get(ctx, &known)...)
	if resp.Diagnostics.HasError() {
		return
	}
	var seen volumeBody
	err := v.client.get(ctx, volumePath(known.Name.ValueString()), &seen)
	if isGone(err) {
		resp.State.RemoveResource(ctx)
		return
	}
	if err != nil {
		resp.Diagnostics.AddError("volume "+known.Name.ValueString()+" could not be looked at", err.Error())
		return
	}
	resp.Diagnostics.Append(resp.State.Set(ctx, volumeFrom(known.Name, seen))...)
}

func (v *volume) Update(ctx context.Context, req resource.UpdateRequest, resp *resource.UpdateResponse) {
	var wanted volumeModel
	resp.Diagnostics.Append(req.Plan.Get(ctx, &wanted)...)
	if resp.Diagnostics.HasError() {
		return
	}
	changed, err := v.order(ctx, wanted)
	if err != nil {
		resp.Diagnostics.AddError("volume "+wanted.Name.ValueString()+" could not be changed", err.Error())
		return
	}
	resp.Diagnostics.Append(resp.State.Set(ctx, changed)...)
}

func (v *volume) Delete(ctx context.Context, req resource.DeleteRequest, resp *resource.DeleteResponse) {
	var known volumeModel
	resp.Diagnostics.Append(req.State.Get(ctx, &known)...)
	if resp.Diagnostics.HasError() {
		return
	}
	name := known.Name.ValueString()
	if err := v.client.removeAndWait(ctx, "volume "+name, volumePath(name)); err != nil {
		resp.Diagnostics.AddError("volume "+name+" could not be removed", err.Error())
	}
}

func (v *volume) ImportState(ctx context.Context, req resource.ImportStateRequest, resp *resource.ImportStateResponse) {
	resource.ImportStatePassthroughID(ctx, path.Root("name"), req, resp)
}

func (v *volume) order(ctx context.Context, wanted volumeModel) (volumeModel, error) {
	var seen volumeBody
	err := v.client.put(ctx, volumePath(wanted.Name.ValueString()), volumeBody{SizeGB: wanted.SizeGB.ValueFloat64()}, &seen)
	return volumeFrom(wanted.Name, seen), err
}

func volumeFrom(name types.String, seen volumeBody) volumeModel {
	return volumeModel{Name: name, SizeGB: types.Float64Value(seen.SizeGB), Path: types.StringValue(seen.Path)}
}
