namespace Diffusion;

/// <summary>Pseudo linear multistep methods without a warm-up, of audio models.</summary>
internal static class IpndmClass
{
    // The number of timesteps has no effect. The betas of a file are its levels' sigmas.
    public static DiffusersSchedulerClass Of(string name) => new(
        name,
        new AngleSource(),
        [
            DiffusersSetting.Integer("num_train_timesteps", 1000, min: 1),
            new("trained_betas", DiffusersValueKind.Numbers, null) { IsOptional = true },
        ]);
}
