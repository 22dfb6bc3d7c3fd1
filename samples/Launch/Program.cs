using System.Globalization;
using Diffusion.Training;

// Arguments: how many processes, then the program and its arguments: 2 dotnet Train.dll
int processes = int.Parse(args[0], CultureInfo.InvariantCulture);
return ProcessLauncher.Run(new ProcessLaunchOptions { Processes = processes, Command = args[1..], MaxRestarts = 3 });
