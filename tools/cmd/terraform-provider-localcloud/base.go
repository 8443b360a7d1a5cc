package main

import (
	"context"
	"fmt"

	"github.com/hashicorp/terraform-plugin-framework/path"
	"github.com/hashicorp/terraform-plugin-framework/resource"
	"github.com/hashicorp/terraform-plugin-framework/types"
)

// base is what the three resources share: the client they were given.
type base struct{ client *client }

func (b *base) Configure(_ context.Context, req resource.ConfigureRequest, resp *resource.ConfigureResponse) {
	if req.ProviderData == nil {
		return // validation runs without a configured provider
	}
	client, ok := req.ProviderData.(*client)
	if !ok {
		resp.Diagnostics.AddError("bug in the provider", fmt.Sprintf("unexpected provider data %T", req.ProviderData))
		return
	}
	b.client = client
}

// replanUnready makes the next apply mend a thing that was not ready when it was last looked at: its computed values
// become unknown, which is a change. With replace it is removed and made anew, else it is ordered again in place.
func replanUnready(ctx context.Context, req resource.ModifyPlanRequest, resp *resource.ModifyPlanResponse, replace func(state string) bool, computed ...string) {
	if req.State.Raw.IsNull() || req.Plan.Raw.IsNull() {
		return
	}
	var state types.String
	resp.Diagnostics.Append(req.State.GetAttribute(ctx, path.Root("state"), &state)...)
	if resp.Diagnostics.HasError() || state.ValueString() == stateReady {
		return
	}
	for _, name := range append(computed, "state") {
		resp.Diagnostics.Append(resp.Plan.SetAttribute(ctx, path.Root(name), types.StringUnknown())...)
	}
	if replace(state.ValueString()) {
		resp.RequiresReplace = append(resp.RequiresReplace, path.Root("state"))
	}
}
