[assembly: AssemblyFixture(typeof(Diffusion.TestKit.TorchFixture))]
